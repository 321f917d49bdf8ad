"""AWS's own definition of the two APIs: botocore's service models."""

from __future__ import annotations

from functools import cache

from botocore.loaders import Loader
from botocore.model import ServiceModel

RUNTIME = "sagemaker-a2i-runtime"
CONTROL_PLANE = "sagemaker"


@cache
def service_model(service: str) -> ServiceModel:
    """Load a service's model from botocore."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)
