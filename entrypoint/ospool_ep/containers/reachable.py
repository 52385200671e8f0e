"""Does a registry answer?"""

import http.client
import urllib.error
import urllib.request

PATIENCE_S = 10.0


def failure(host: str, plain_http: bool = False, patience_s: float = PATIENCE_S) -> str:
    """Empty where a registry speaks at `host` (host[:port][/path]); otherwise what went wrong.

    Any answer will do: Docker Hub's is 401. The proxies of the environment are used, as Apptainer does.
    """
    url = f"{'http' if plain_http else 'https'}://{host.partition('/')[0]}/v2/"
    try:
        urllib.request.urlopen(url, timeout=patience_s).close()
    except urllib.error.HTTPError as error:
        return "" if error.code < 500 else f"{url} answers {error.code}"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"{url} does not answer: {_words(getattr(error, 'reason', error))}"
    return ""


def _words(reason: object) -> str:
    return str(getattr(reason, "strerror", None) or reason or type(reason).__name__)
