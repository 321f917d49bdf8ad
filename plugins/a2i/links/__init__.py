"""Links from a task in the Airflow UI to where people review."""
