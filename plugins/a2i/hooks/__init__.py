"""Hooks: the A2I runtime, the A2I control plane in SageMaker, and S3, on one Airflow connection."""
