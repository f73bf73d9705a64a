"""As much of the `requests` package as the API pages' Python samples use, on the standard library.

The samples import `requests`, which is not part of Python, and the tests install nothing. Where the real package is missing, this
folder is put on PYTHONPATH, so that the samples run unchanged. See https://requests.readthedocs.io for what it stands in for.
"""

import json as _json
import urllib.error
import urllib.request


class Response:
    def __init__(self, status_code, content):
        self.status_code = status_code
        self.content = content

    @property
    def text(self):
        return self.content.decode("utf-8")

    def json(self):
        return _json.loads(self.content)


def post(url, headers=None, json=None):
    body = None if json is None else _json.dumps(json).encode("utf-8")
    request = urllib.request.Request(url, data=body, headers=headers or {}, method="POST")
    try:
        with urllib.request.urlopen(request) as answer:
            return Response(answer.status, answer.read())
    except urllib.error.HTTPError as answer:
        # Like the real package: an error status is an answer, not an exception.
        with answer:
            return Response(answer.code, answer.read())
