"""Puts the parts of one running installation together."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from review_desk.delivery_process import DeliveryProcess
from review_desk.documents import Documents
from review_desk.engine.access import AccessStore
from review_desk.engine.arns import Scope
from review_desk.engine.audit import AuditLog
from review_desk.engine.background import BackgroundJob
from review_desk.engine.backlog import read_backlog
from review_desk.engine.clock import Clock, SystemClock
from review_desk.engine.database import Database
from review_desk.engine.extension import Extension
from review_desk.engine.flow_definitions import FlowDefinitionStore
from review_desk.engine.flow_report import FlowReports
from review_desk.engine.grid import Grid
from review_desk.engine.human_task_uis import HumanTaskUiStore
from review_desk.engine.identities import GroupRules, ProviderSignIn
from review_desk.engine.initialization import Initialization
from review_desk.engine.inspection import Inspection
from review_desk.engine.loops import LoopStore
from review_desk.engine.notices import Notices
from review_desk.engine.offers import Offers
from review_desk.engine.outbox import TAKEN_AT_ONCE, Outbox
from review_desk.engine.oversight import Oversight
from review_desk.engine.passwords import Passwords
from review_desk.engine.preferences import PreferencesStore
from review_desk.engine.quota import OpenLoopQuota
from review_desk.engine.reassignment import Reassignment
from review_desk.engine.sessions import SessionStore
from review_desk.engine.sign_in import PasswordSignIn
from review_desk.engine.tags import TagStore
from review_desk.engine.tasks import TaskStore
from review_desk.engine.template_preferences import TemplatePreferencesStore
from review_desk.engine.undo import Undo
from review_desk.engine.worker_history import WorkerHistory
from review_desk.engine.workers import WorkerStore
from review_desk.engine.workteams import WorkteamStore
from review_desk.links import Links
from review_desk.metrics import Metrics
from review_desk.notice_channels import configured_channels
from review_desk.oidc import OidcProvider
from review_desk.receivers import configured_receivers
from review_desk.secrets import SecretBox
from review_desk.settings import Settings
from review_desk.storage import Storage
from review_desk.templates import TemplateError, grid_size, render

OUTBOX_INTERVAL_IN_SECONDS = 1.0
OUTBOX_GATHERING_IN_SECONDS = 0.2
NOTICE_INTERVAL_IN_SECONDS = 20.0
TIDY_INTERVAL_IN_SECONDS = 5.0
INITIALIZATION_INTERVAL_IN_SECONDS = 2.0
PREVIEW_LIFETIME_IN_SECONDS = 900


class Service:
    """Every store of one installation, over one database.

    :param clock: the machine's unless a test brings its own.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.database = Database(settings.database_url)
        self.secret_box = SecretBox(settings)
        self.links = Links(self.secret_box, self.clock, settings.readable_bucket_names)
        self.storage = Storage(settings)
        self.documents = Documents(lambda bucket, key: self.storage.get(bucket, key))
        self.access = AccessStore(self.database, self.clock, self.secret_box)
        self.audit = AuditLog(self.database)
        passwords = Passwords()
        self.workers = WorkerStore(self.database, self.clock, passwords)
        self.sessions = SessionStore(
            self.database, self.clock, timedelta(minutes=settings.session_idle_minutes) or None
        )
        self.password_sign_in = PasswordSignIn(self.database, self.clock, self.sessions, passwords)
        self.provider_sign_in = ProviderSignIn(
            self.database, self.clock, self.sessions, group_rules(settings)
        )
        self.oidc = OidcProvider(settings, self.clock) if settings.oidc_issuer else None
        self.workteams = WorkteamStore(self.database, self.clock, settings.workteam_limit)
        self.human_task_uis = HumanTaskUiStore(self.database, self.clock, settings.human_task_ui_limit)
        self.initialization = Initialization(self.database, self.clock, self.check_output_bucket)
        self.flow_definitions = FlowDefinitionStore(
            self.database,
            self.clock,
            self.workteams,
            self.human_task_uis,
            self.initialization,
            settings.flow_definition_limit,
        )
        self.tags = TagStore(
            self.database, self.clock, [self.workteams, self.human_task_uis, self.flow_definitions]
        )
        self.quota = OpenLoopQuota(self.database, self.clock, settings.open_loop_quota)
        self.loops = LoopStore(
            self.database, self.clock, self.flow_definitions, self.render_error, self.quota
        )
        self.inspection = Inspection(self.database)
        self.metrics = Metrics(lambda: read_backlog(self.database, self.clock))
        self.oversight = Oversight(self.database, self.clock, self.loops)
        self.reports = FlowReports(self.database, self.clock)
        self.tasks = TaskStore(self.database, self.clock, self.metrics.lease_expiries.inc)
        self.offers = Offers(self.database, self.clock)
        self.grid = Grid(self.database, self.tasks, grid_size)
        self.reassignment = Reassignment(self.database, self.clock, self.tasks)
        self.undo = Undo(self.database, self.clock)
        self.extension = Extension(self.database, self.clock, self.tasks, settings.task_time_extensions)
        self.worker_history = WorkerHistory(self.database, self.clock)
        self.outbox = Outbox(
            self.database,
            self.clock,
            self.storage,
            settings.public_url,
            configured_receivers(settings, self.clock),
        )
        self.preferences = PreferencesStore(self.database)
        self.template_preferences = TemplatePreferencesStore(self.database, self.clock)
        channels = configured_channels(settings, self.clock)
        self.notices = Notices(
            self.database,
            self.clock,
            channels,
            f"{settings.public_url.rstrip('/')}/portal/",
            timedelta(minutes=settings.notice_minutes),
        )
        self._beside_delivery = (
            [BackgroundJob("notices of new work", self.notices.tell_due, NOTICE_INTERVAL_IN_SECONDS)]
            if channels
            else []
        )
        self._delivery: BackgroundJob | DeliveryProcess = BackgroundJob(
            "outbox delivery",
            self.outbox.deliver_due,
            OUTBOX_INTERVAL_IN_SECONDS,
            batch=TAKEN_AT_ONCE,
            gathering=OUTBOX_GATHERING_IN_SECONDS,
        )
        self._tidying = BackgroundJob("tidying", self._tidy, TIDY_INTERVAL_IN_SECONDS)
        self._initializing = BackgroundJob(
            "flow definition checks", self.initialization.check, INITIALIZATION_INTERVAL_IN_SECONDS
        )

    def deliver_from_own_process(self) -> None:
        """Deliver from a child process. To be called before anything is started."""
        assert isinstance(self._delivery, BackgroundJob)
        self._delivery = DeliveryProcess(self._delivery, self.database, self._beside_delivery)
        self._beside_delivery = []

    def start(self) -> None:
        """Start the background work. It waits for a database that is away; that there is one was checked before."""
        self._delivery.start()
        for job in self._beside_delivery:
            job.start()
        self._tidying.start()
        self._initializing.start()

    def _tidy(self) -> int:
        ended = self.tasks.tidy()
        # Also when nothing ended: a delivery process that was killed is noticed when it is woken.
        self.deliver_soon()
        return ended

    def deliver_soon(self) -> None:
        """Tell the delivery that a loop may have ended."""
        self._delivery.wake()

    def check_output_bucket(self, bucket: str) -> None:
        """Ask for a bucket that answers are to be written to, unless the settings say not to.

        :raises StorageError: it cannot be used.
        """
        if self.settings.check_output_buckets:
            self.storage.check_bucket(bucket)

    def preview_link(self, uri: str) -> str:
        """Return an address that opens an S3 object for 15 minutes, for the preview of a template."""
        return self.settings.public_url.rstrip("/") + self.links.media(uri, PREVIEW_LIFETIME_IN_SECONDS)

    def render_error(self, template: str, task_input: dict[str, Any]) -> str | None:
        """Try a template on an input, without signing anything; return why it does not render."""

        def grant_read_access(uri: str) -> str:
            self.links.check(uri)
            return "/unsigned"

        try:
            render(template, task_input, grant_read_access=grant_read_access)
        except TemplateError as error:
            return f"Task failed to render: {error}"
        return None

    def stop(self) -> None:
        self._delivery.stop()
        for job in self._beside_delivery:
            job.stop()
        self._tidying.stop()
        self._initializing.stop()
        self.documents.close()
        if self.oidc:
            self.oidc.close()
        self.database.engine.dispose()


def group_rules(settings: Settings) -> GroupRules:
    """Return what the provider's groups mean, as the settings say."""
    return GroupRules(
        scope=Scope(settings.account_id, settings.region),
        teams=settings.oidc_group_teams,
        lead_group=settings.oidc_lead_group,
        admin_group=settings.oidc_admin_group,
    )
