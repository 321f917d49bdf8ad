"""Signing in with an OpenID Connect provider: a real one, in a thread, that can be told to cheat."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient
from oidc_provider import CLIENT_ID, OidcServer
from review_desk_fixtures import PASSWORD, SCOPE, Desk

from review_desk.app import create_app
from review_desk.engine.members import Source
from review_desk.engine.roles import Role
from review_desk.engine.tasks import Task
from review_desk.engine.workers import WorkerChange
from review_desk.portal.oidc import local_path

HOME = "/portal/"


class Browser:
    """A browser at the portal, which follows the provider's page by hand."""

    def __init__(self, http: TestClient, provider: OidcServer) -> None:
        self.http = http
        self.provider = provider

    def leave(self, next_path: str = HOME) -> str:
        """Go to the provider; return the address that its page leads back to."""
        out = self.http.get("/portal/oidc/login", params={"next": next_path}, follow_redirects=False)
        assert out.status_code == 302, out.text
        return httpx.get(out.headers["Location"]).headers["X-Back"]

    def come_back(self, address: str, **changed: str) -> httpx.Response:
        parts = urlsplit(address)
        query = {**dict(parse_qsl(parts.query)), **changed}
        return self.http.get(f"{parts.path}?{urlencode(query)}", follow_redirects=False)

    def sign_in(self, next_path: str = HOME) -> httpx.Response:
        return self.come_back(self.leave(next_path))

    def worker(self) -> dict[str, Any] | None:
        answer = self.http.get("/portal/api/session")
        return answer.json()["worker"] if answer.status_code == 200 else None


@pytest.fixture
def provider() -> Iterator[OidcServer]:
    with OidcServer() as server:
        yield server


@contextmanager
def open_desk(directory: Path, provider: OidcServer, **settings: str) -> Iterator[tuple[Desk, Browser]]:
    given = {name.removeprefix("REVIEW_DESK_").lower(): value for name, value in provider.settings.items()}
    desk = Desk(directory, **{**given, **settings})
    provider._now = lambda: desk.clock.now().timestamp()
    with TestClient(create_app(desk.service)) as http:
        yield desk, Browser(http, provider)


@pytest.fixture
def open_portal(tmp_path: Path, provider: OidcServer) -> Iterator[tuple[Desk, Browser]]:
    with open_desk(tmp_path, provider) as opened:
        yield opened


@pytest.fixture
def desk(open_portal: tuple[Desk, Browser]) -> Desk:
    return open_portal[0]


@pytest.fixture
def browser(open_portal: tuple[Desk, Browser]) -> Browser:
    return open_portal[1]


@pytest.fixture(scope="module")
def shared_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """For tests after which nothing is left: nobody comes in."""
    with OidcServer() as server, open_desk(tmp_path_factory.mktemp("oidc"), server) as (_, browser):
        yield browser


@pytest.fixture
def outsider(shared_browser: Browser) -> Iterator[Browser]:
    provider = shared_browser.provider
    before = {name: value for name, value in vars(provider).items() if not name.startswith("_")}
    provider.person = dict(provider.person)
    shared_browser.http.cookies.clear()
    yield shared_browser
    vars(provider).update(before)


def teams(desk: Desk, name: str = "ann") -> list[tuple[str, Source]]:
    return [(member.team, member.source) for member in desk.service.workers.get(SCOPE, name).teams]


def test_a_person_comes_in_for_the_first_time(desk: Desk, browser: Browser, provider: OidcServer) -> None:
    page = browser.sign_in("/portal/#task=7")
    assert page.status_code == 200
    assert 'http-equiv="refresh" content="0;url=/portal/#task=7"' in page.text
    cookie = next(value for name, value in page.headers.multi_items() if "review_desk_session" in value)
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert browser.worker() == {"username": "ann", "role": "worker", "lead": False}
    assert teams(desk) == [("reviewers", Source.OIDC)]
    assert provider.authorized["redirect_uri"] == "http://127.0.0.1:8700/portal/oidc/callback"
    assert provider.authorized["scope"] == "openid profile groups"
    events = [(event.action, event.actor.kind) for event in desk.service.audit.events(limit=3)]
    assert events == [("SignIn", "worker"), ("AddTeamMember", "oidc"), ("CreateWorker", "oidc")]


def test_the_answer_names_the_provider_and_its_sub(
    desk: Desk, browser: Browser, provider: OidcServer
) -> None:
    browser.sign_in()
    desk.start(desk.flow(), "loop")
    worker = desk.worker_id("ann")
    task = desk.tasks.claim(worker)
    assert isinstance(task, Task)
    desk.tasks.submit(worker, task.id, {}, task.lease_token)
    while desk.outbox.deliver_due():
        pass
    [document] = desk.store.documents.values()
    assert document["humanAnswers"][0]["workerMetadata"]["identityData"] == {
        "identityProviderType": "Oidc",
        "issuer": provider.issuer,
        "sub": "1234",
    }


def test_the_same_person_comes_again_under_the_same_name(
    desk: Desk, browser: Browser, provider: OidcServer
) -> None:
    browser.sign_in()
    first = desk.worker_id("ann")
    provider.person["preferred_username"] = "ann-married"
    assert browser.sign_in().status_code == 200
    assert browser.worker()["username"] == "ann"
    assert desk.worker_id("ann") == first


def test_a_second_sign_in_ends_the_session_before(browser: Browser) -> None:
    browser.sign_in()
    first = browser.http.cookies["review_desk_session"]
    browser.sign_in()
    assert browser.http.cookies["review_desk_session"] != first
    browser.http.cookies.clear()
    browser.http.cookies.set("review_desk_session", first)
    assert browser.worker() is None


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"exp": 1}, "expired"),
        ({"exp": None}, "exp"),
        ({"iat": 99_999_999_999}, "iat|future"),
        ({"aud": "another-client"}, "aud"),
        ({"aud": ["another-client"], "azp": CLIENT_ID}, "aud"),
        ({"aud": [CLIENT_ID, "another-client"], "azp": "another-client"}, "azp"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": "x" * 256}, "sub"),
        ({"sub": 7}, "sub"),
        ({"at_hash": "another"}, "at_hash"),
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(
    outsider: Browser,
    caplog: pytest.LogCaptureFixture,
    claims: dict[str, Any],
    reason: str,
) -> None:
    outsider.provider.claims = claims
    assert_refused(outsider, outsider.sign_in(), caplog, reason)


@pytest.mark.parametrize(
    ("algorithm", "forged", "reason"),
    [("RS256", True, "bad_signature"), ("none", False, "unsupported"), ("HS256", False, "unsupported")],
)
def test_a_token_without_a_right_signature_is_refused(
    outsider: Browser,
    caplog: pytest.LogCaptureFixture,
    algorithm: str,
    forged: bool,
    reason: str,
) -> None:
    outsider.provider.algorithm, outsider.provider.forged = algorithm, forged
    assert_refused(outsider, outsider.sign_in(), caplog, reason)


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c", "e30.e30.e30", "W10.W10.x", 7])
def test_a_token_that_is_none_is_refused(
    outsider: Browser,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    token: Any,
) -> None:
    monkeypatch.setattr(outsider.provider, "_id_token", lambda _nonce: token)
    assert_refused(outsider, outsider.sign_in(), caplog, "ID token is refused|sent no id_token")


def test_other_signatures_with_a_public_key_are_accepted(browser: Browser, provider: OidcServer) -> None:
    provider.algorithm = "PS256"
    assert browser.sign_in().status_code == 200
    assert browser.worker()


def test_a_key_may_be_changed(desk: Desk, browser: Browser, provider: OidcServer) -> None:
    assert browser.sign_in().status_code == 200
    provider.rotate()
    desk.clock.advance(11)
    assert browser.sign_in().status_code == 200
    assert provider.asked.count("keys") == 2
    browser.sign_in()
    assert provider.asked.count("keys") == 2


def test_unknown_keys_do_not_make_the_provider_be_asked_each_time(
    browser: Browser, provider: OidcServer
) -> None:
    browser.sign_in()
    provider.rotate()
    assert [browser.sign_in().status_code for _ in range(3)] == [403] * 3
    assert provider.asked.count("keys") == 1


def test_a_callback_needs_the_state_of_this_browser(browser: Browser) -> None:
    address = browser.leave()
    assert browser.come_back(address, state="guessed").status_code == 400
    # The transaction is used up, right or wrong.
    assert browser.come_back(address).status_code == 400
    browser.http.cookies.clear()
    assert browser.come_back(browser.leave(), state="ö").status_code == 400
    other = browser.leave()
    browser.http.cookies.clear()
    assert browser.come_back(other).status_code == 400
    assert browser.worker() is None


def test_a_sign_in_takes_ten_minutes_at_most(desk: Desk, browser: Browser) -> None:
    address = browser.leave()
    desk.clock.advance(601)
    assert browser.come_back(address).status_code == 400


def test_a_code_is_good_once(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    address = browser.leave()
    code = dict(parse_qsl(urlsplit(address).query))["code"]
    assert browser.come_back(address).status_code == 200
    browser.http.cookies.clear()
    assert_refused(browser, browser.come_back(browser.leave(), code=code), caplog, "refused the code")


def test_the_answer_of_another_issuer_is_refused(browser: Browser) -> None:
    assert browser.come_back(browser.leave(), iss="https://evil.example").status_code == 400
    assert browser.come_back(browser.leave(), iss=browser.provider.issuer).status_code == 200


def test_what_the_provider_refuses_is_said(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "review_desk.portal.oidc")
    page = browser.come_back(browser.leave(), error="access_denied<script>")
    assert page.status_code == 403
    assert "access_denied&lt;script&gt;" in page.text
    assert browser.worker() is None
    assert "script" not in "".join(record.getMessage() for record in caplog.records)
    browser.come_back(browser.leave(), error="access_denied")
    assert "refused a sign-in: access_denied" in caplog.text


@pytest.mark.parametrize("endpoint", ["openid-configuration", "token", "keys"])
def test_a_provider_that_is_down_gets_a_clear_page(
    desk: Desk, browser: Browser, provider: OidcServer, endpoint: str
) -> None:
    provider.down = {endpoint}
    if endpoint == "openid-configuration":
        page = browser.http.get("/portal/oidc/login", follow_redirects=False)
    else:
        page = browser.sign_in()
    assert page.status_code == 503
    assert "The sign-in provider does not answer" in page.text
    assert "Traceback" not in page.text
    assert browser.worker() is None
    provider.down = set()
    desk.clock.advance(6)
    assert browser.sign_in().status_code == 200


def test_a_provider_that_is_down_is_not_asked_for_every_browser(
    browser: Browser, provider: OidcServer
) -> None:
    provider.down = {"openid-configuration"}
    for _ in range(5):
        assert browser.http.get("/portal/oidc/login").status_code == 503
    assert provider.asked == ["openid-configuration"]


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://another.example"},
        {"token_endpoint": None},
        {"token_endpoint": "http://plain.example/token"},
        {"jwks_uri": 7},
    ],
)
def test_a_discovery_document_that_cannot_be_trusted_is_not_used(
    browser: Browser, provider: OidcServer, metadata: dict[str, Any]
) -> None:
    provider.metadata = metadata
    assert browser.http.get("/portal/oidc/login").status_code == 503


def test_the_secret_goes_into_the_body_where_the_provider_wants_it(
    browser: Browser, provider: OidcServer
) -> None:
    provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert browser.sign_in().status_code == 200


def test_claims_may_come_from_userinfo(browser: Browser, provider: OidcServer, desk: Desk) -> None:
    provider.claims_in_userinfo = True
    assert browser.sign_in().status_code == 200
    assert teams(desk) == [("reviewers", Source.OIDC)]


def test_userinfo_of_somebody_else_is_refused(outsider: Browser, caplog: pytest.LogCaptureFixture) -> None:
    outsider.provider.claims_in_userinfo = True
    outsider.provider.claims = {"sub": "5678"}
    assert_refused(outsider, outsider.sign_in(), caplog, "somebody else")


@pytest.mark.parametrize("claims", [{"preferred_username": None}, {"preferred_username": ["ann"]}])
def test_a_user_name_must_come(
    outsider: Browser, caplog: pytest.LogCaptureFixture, claims: dict[str, Any]
) -> None:
    outsider.provider.person.pop("preferred_username")
    outsider.provider.claims = claims
    assert_refused(outsider, outsider.sign_in(), caplog, "REVIEW_DESK_OIDC_USERNAME_CLAIM")


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/", "//evil.example/", "/\\evil.example", "/portal/\\evil.example", "javascript:alert(1)",
        "/portal", "/other", "/portal/\r\nSet-Cookie: x=y", '/portal/"><script>', "/portal/../../evil", "",
        "/portal/" + "x" * 600, "/portalevil.example", "/portal/ x", "/portal/\x00",
    ],
)  # fmt: skip
def test_nobody_is_led_elsewhere(path: str) -> None:
    assert local_path(path) == HOME


@pytest.mark.parametrize("path", ["https://evil.example/", "//evil.example/", '/portal/"><script>'])
def test_a_link_that_leads_elsewhere_leads_home(browser: Browser, path: str) -> None:
    assert 'content="0;url=/portal/"' in browser.sign_in(path).text


def test_local_paths_are_gone_on_with() -> None:
    for path in ("/portal/", "/portal/#task=0f-1", "/portal/?a=b&c=%2F"):
        assert local_path(path) == path


def test_teams_follow_the_groups(desk: Desk, browser: Browser, provider: OidcServer) -> None:
    desk.team("experts")
    desk.service.workteams.create(
        SCOPE, "defined", "d", {"MemberDefinitions": [{"OidcMemberDefinition": {"Groups": ["a", "b"]}}]}
    )
    desk.service.workteams.create(
        SCOPE, "cognito", "d", {"MemberDefinitions": [{"CognitoMemberDefinition": {"UserGroup": "a"}}]}
    )
    provider.person["groups"] = ["reviewers", "b", "unknown", "cognito"]
    browser.sign_in()
    assert teams(desk) == [("defined", Source.OIDC), ("reviewers", Source.OIDC)]
    provider.person["groups"] = ["experts"]
    browser.sign_in()
    assert teams(desk) == [("experts", Source.OIDC)]
    actions = [(event.action, event.detail) for event in desk.service.audit.events(limit=4)]
    assert ("RemoveTeamMember", {"team": "reviewers"}) in actions
    assert ("AddTeamMember", {"team": "experts", "source": "oidc"}) in actions


def test_what_an_administrator_gave_stays(desk: Desk, browser: Browser, provider: OidcServer) -> None:
    desk.team("experts")
    browser.sign_in()
    desk.service.workers.change(SCOPE, "ann", WorkerChange(teams=["reviewers", "experts"]))
    provider.person["groups"] = []
    assert browser.sign_in().status_code == 200
    assert teams(desk) == [("experts", Source.LOCAL), ("reviewers", Source.LOCAL)]


def test_the_settings_say_what_a_group_means_before_the_teams_do(
    tmp_path: Path, provider: OidcServer
) -> None:
    setting = '{"reviewers": ["experts", "not-there"], "staff": "reviewers"}'
    with open_desk(tmp_path, provider, oidc_group_teams=setting) as (desk, browser):
        desk.team("experts")
        desk.team("own")
        provider.person["groups"] = ["reviewers", "own"]
        browser.sign_in()
        assert [team for team, _ in teams(desk)] == ["experts", "own"]
        provider.person["groups"] = ["staff"]
        browser.sign_in()
        assert [team for team, _ in teams(desk)] == ["reviewers"]


def test_who_is_in_no_team_gets_a_page_and_no_session(
    desk: Desk, browser: Browser, provider: OidcServer
) -> None:
    provider.person["groups"] = ["<sales>"]
    page = browser.sign_in()
    assert page.status_code == 403
    assert "none of your groups belongs to a work team" in page.text
    assert "&lt;sales&gt;" in page.text
    assert browser.worker() is None
    assert desk.service.workers.all(SCOPE) == []
    [event] = desk.service.audit.events(action="SignInFailed")
    assert (event.actor.kind, event.resource) == ("oidc", "ann")


def test_who_leaves_every_group_is_signed_out_everywhere(
    desk: Desk, browser: Browser, provider: OidcServer
) -> None:
    browser.sign_in()
    elsewhere = browser.http.cookies["review_desk_session"]
    browser.http.cookies.clear()
    provider.person["groups"] = []
    assert browser.sign_in().status_code == 403
    assert desk.service.sessions.find(elsewhere) is None
    assert teams(desk) == []


def test_roles_follow_the_groups_that_the_settings_name(tmp_path: Path, provider: OidcServer) -> None:
    roles = {"oidc_lead_group": "leads", "oidc_admin_group": "admins"}
    with open_desk(tmp_path, provider, **roles) as (desk, browser):
        for groups, role in (
            (["reviewers", "leads"], Role.LEAD),
            (["reviewers", "leads", "admins"], Role.ADMIN),
            (["admins"], Role.ADMIN),
            (["reviewers"], Role.WORKER),
        ):
            provider.person["groups"] = groups
            assert browser.sign_in().status_code == 200
            assert browser.worker()["role"] == role
        assert [event.detail for event in desk.service.audit.events(action="SetWorkerRole")] == [
            {"from": "admin", "to": "worker"},
            {"from": "lead", "to": "admin"},
        ]


def test_roles_given_here_stay_where_the_settings_name_no_group(desk: Desk, browser: Browser) -> None:
    browser.sign_in()
    desk.service.workers.change(SCOPE, "ann", WorkerChange(role=Role.LEAD))
    browser.sign_in()
    assert browser.worker()["role"] == "lead"


def test_a_disabled_worker_stays_out(desk: Desk, browser: Browser) -> None:
    browser.sign_in()
    desk.service.workers.change(SCOPE, "ann", WorkerChange(disabled=True))
    page = browser.sign_in()
    assert page.status_code == 403
    assert "is disabled" in page.text
    assert browser.worker() is None


def test_nobody_takes_over_a_name(desk: Desk, browser: Browser, provider: OidcServer) -> None:
    mine = desk.worker("ann")
    page = browser.sign_in()
    assert page.status_code == 403
    assert "belongs to somebody else" in page.text
    assert "worker link ann --subject 1234" in page.text
    assert browser.worker() is None
    token = browser.http.post("/portal/api/login", json={"username": "ann", "password": PASSWORD})
    assert token.status_code == 200
    desk.service.workers.link("ann", provider.issuer, "1234")
    assert browser.worker() is None
    assert browser.sign_in().status_code == 200
    assert desk.worker_id("ann") == mine
    again = browser.http.post("/portal/api/login", json={"username": "ann", "password": PASSWORD})
    assert again.status_code == 401


def test_a_worker_of_the_provider_has_no_password(desk: Desk, browser: Browser) -> None:
    browser.sign_in()
    for password in ("", PASSWORD):
        answer = browser.http.post("/portal/api/login", json={"username": "ann", "password": password})
        assert answer.status_code == 401


def test_passwords_can_be_switched_off(tmp_path: Path, provider: OidcServer) -> None:
    with open_desk(tmp_path, provider, password_sign_in="false", oidc_name="Example Ltd") as (desk, browser):
        desk.worker("bob")
        answer = browser.http.post("/portal/api/login", json={"username": "bob", "password": PASSWORD})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "PasswordSignInOff")
        assert browser.http.get("/portal/api/sign-in-methods").json() == {
            "password": False,
            "oidc": {"name": "Example Ltd", "url": "/portal/oidc/login"},
        }
        assert browser.sign_in().status_code == 200


def test_without_a_provider_there_is_none(tmp_path: Path) -> None:
    with TestClient(create_app(Desk(tmp_path).service)) as http:
        assert http.get("/portal/api/sign-in-methods").json() == {"password": True, "oidc": None}
        assert http.get("/portal/oidc/login").status_code == 404
        assert http.get("/portal/oidc/callback").status_code == 404


def assert_refused(
    browser: Browser, page: httpx.Response, caplog: pytest.LogCaptureFixture, reason: str
) -> None:
    """One page without the cause, the cause in the log, and no session."""
    assert page.status_code == 403
    assert (
        f"could not be accepted; the service&#x27;s log has the cause under {page.headers['x-request-id']}"
        in (page.text)
    )
    assert "Traceback" not in page.text
    assert "review_desk_session" not in page.headers.get("set-cookie", "")
    assert re.search(reason, caplog.text), caplog.text
    assert browser.worker() is None


def test_an_address_is_taken_over_if_the_provider_has_verified_it(
    desk: Desk, browser: Browser, provider: OidcServer
) -> None:
    def address_after(**claims: Any) -> str | None:
        provider.claims = claims
        assert browser.sign_in().status_code == 200
        return desk.service.workers.get(SCOPE, "ann").email

    assert address_after(email="ann@example.com") is None
    assert address_after(email="ann@example.com", email_verified="true") is None
    assert address_after(email="no address", email_verified=True) is None
    assert address_after(email="ann@example.com", email_verified=True) == "ann@example.com"
    assert address_after(email="ann@example.com", email_verified=True) == "ann@example.com"
    assert address_after(email="mallory@example.com", email_verified=False) == "ann@example.com"
    actions = [event.action for event in desk.service.audit.events()]
    assert actions.count("SetWorkerEmail") == 1
