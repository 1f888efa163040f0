import pytest

from engine.settings import Settings


def refused(base_url: str, endpoints: str, *, exposed: bool = True) -> bool:
    return Settings(endpoints=endpoints, exposed=exposed).refusal(base_url) is not None  # type: ignore[arg-type]


def test_on_this_machine_alone_any_endpoint_may_be_asked():
    assert not refused("http://10.0.0.7:8000/v1", "", exposed=False)


def test_a_server_that_others_reach_asks_nobody_until_there_is_a_list():
    assert refused("https://api.openai.com/v1", "")


@pytest.mark.parametrize(
    ("base_url", "good"),
    [
        ("https://api.openai.com/v1", True),
        ("https://API.openai.com:443/v1", True),
        ("http://10.0.0.7:8000/v1", True),
        ("http://api.openai.com/v1", False),
        ("http://10.0.0.7:8001/v1", False),
        ("http://10.0.0.7/v1", False),
        ("https://api.openai.com.evil.example/v1", False),
        ("https://api.openai.com@evil.example/v1", False),
        ("http://169.254.169.254/latest/meta-data", False),
        ("file:///etc/passwd", False),
        ("https://api.openai.com:99999/v1", False),
    ],
)
def test_with_a_list_only_its_servers_are_asked(base_url: str, good: bool):
    assert refused(base_url, "api.openai.com, http://10.0.0.7:8000/v1") != good
    assert refused(base_url, "api.openai.com, http://10.0.0.7:8000/v1", exposed=False) != good


def test_the_list_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SEEDPILOT_ENDPOINTS", "api.openai.com,http://10.0.0.7:8000")
    assert Settings().endpoints == ("api.openai.com", "http://10.0.0.7:8000")
    assert "http://10.0.0.7:8000" in (Settings().refusal("http://elsewhere") or "")
