"""What the example Dags use beside the operators: templates, form definitions, OCR and the demo."""
