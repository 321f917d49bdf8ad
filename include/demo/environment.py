"""Environment variables of each part of the local stack.

Nothing of the user's own AWS, Airflow or Review Desk settings reaches the stack: a shell that is signed in to
a real account must not make the demo work on that account.
"""

from __future__ import annotations

import json
import os

from include.demo.credentials import Credentials
from include.demo.settings import CHECKOUT, HOST, REGION, Settings

_FOREIGN = ("AWS_", "AIRFLOW", "REVIEW_DESK_", "PYTHON", "S3_", "PERSIST", "_AIRFLOW")

S3_KEY = {"AWS_ACCESS_KEY_ID": "local-storage", "AWS_SECRET_ACCESS_KEY": "local-storage"}


def base_environment() -> dict[str, str]:
    """The user's environment without what is about AWS, Airflow, Review Desk or Python."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    no_proxy = ",".join(filter(None, (os.environ.get("NO_PROXY"), os.environ.get("no_proxy"), HOST)))
    return kept | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": REGION,
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(CHECKOUT),
    }


def s3_environment(settings: Settings) -> dict[str, str]:
    """Variables of ministack: S3 alone, on the loopback address, objects and state kept on disk."""
    folder = settings.build / "s3"
    environment = base_environment() | {
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(settings.s3_port),
        "SERVICES": "s3",
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(folder / "objects"),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(folder / "state"),
        "LOG_LEVEL": "WARNING",
    }
    del environment["PYTHONPATH"]
    return environment


def review_desk_environment(settings: Settings) -> dict[str, str]:
    """Variables of Review Desk, for its service and its commands."""
    folder = settings.build / "review_desk"
    return (
        base_environment()
        | S3_KEY
        | {
            "REVIEW_DESK_DATABASE_URL": f"sqlite:///{folder / 'review_desk.db'}",
            "REVIEW_DESK_PUBLIC_URL": settings.review_desk_url,
            "REVIEW_DESK_REGION": REGION,
            "REVIEW_DESK_S3_ENDPOINT_URL": settings.s3_url,
            "REVIEW_DESK_LOG_FORMAT": "text",
        }
    )


def aws_connection(settings: Settings, credentials: Credentials) -> str:
    """The AWS connection: the only place where Airflow is told of Review Desk and of the local S3."""
    review = {"endpoint_url": settings.review_desk_url}
    return json.dumps(
        {
            "conn_type": "aws",
            "login": credentials.access_key_id,
            "password": credentials.secret_access_key,
            "extra": {
                "region_name": REGION,
                "service_config": {
                    "s3": {"endpoint_url": settings.s3_url},
                    "sagemaker": review,
                    "sagemaker-a2i-runtime": review,
                },
            },
        }
    )


def airflow_environment(settings: Settings, credentials: Credentials) -> dict[str, str]:
    """Variables of every Airflow process.

    The plugin and the operators come with the installed package; the plugins folder is the home's own, and empty.
    The health thresholds are short so that work which was running when everything was killed is taken
    up again within seconds instead of minutes. Log servers are not started (they would listen on every
    address): the API server reads the logs from the same disk.
    """
    home = settings.build / "airflow"
    config = {
        "CORE__DAGS_FOLDER": CHECKOUT / "dags",
        "CORE__LOAD_EXAMPLES": False,
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": 4,
        "CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        "CORE__EXECUTION_API_SERVER_URL": f"{settings.airflow_url}/execution/",
        "CORE__FERNET_KEY": credentials.fernet_key,
        "CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": home / "passwords.json",
        "CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": 5,
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "LOGGING__BASE_LOG_FOLDER": home / "logs",
        "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": home / "logs" / "dag_processor",
        "API__HOST": HOST,
        "API__PORT": settings.airflow_port,
        "API__BASE_URL": settings.airflow_url,
        "API__WORKERS": 1,
        "API__SECRET_KEY": credentials.api_secret_key,
        "API_AUTH__JWT_SECRET": credentials.jwt_secret,
        "DAG_PROCESSOR__REFRESH_INTERVAL": 10,
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": 30,
        "DAG_PROCESSOR__PARSING_PROCESSES": 1,
        "SCHEDULER__JOB_HEARTBEAT_SEC": 2,
        "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": 20,
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": 5,
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": 40,
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": 5,
        "TRIGGERER__JOB_HEARTBEAT_SEC": 2,
        "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": 20,
        "USAGE_DATA_COLLECTION__ENABLED": False,
    }
    return (
        base_environment()
        | {f"AIRFLOW__{name}": str(value) for name, value in config.items()}
        | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW_CONN_AWS_DEFAULT": aws_connection(settings, credentials),
        }
    )
