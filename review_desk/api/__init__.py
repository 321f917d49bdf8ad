"""The AWS side of the service: Amazon A2I's runtime API and its part of the SageMaker API, on AWS's wire protocols."""
