"""The HTTP API: results, error messages of one sentence, access, limits, and the page's files."""

import asyncio
import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi")
from starlette.testclient import TestClient

import counterpoint as cp
from counterpoint.cli import main
from counterpoint.errors import InputError, MissingPackage
from counterpoint.serving import guard, layout, server
from counterpoint.serving.collection import Collection
from counterpoint.serving.guard import LOOPBACK, Access
from counterpoint.serving.reviewing import Review
from counterpoint.serving.routes import application
from counterpoint.serving.service import Service
from counterpoint.verbs.serve import open_collection
from tests import served
from tests.worlds import records, remarks

HERE = "http://127.0.0.1:8765"
OPEN = Access(frozenset(LOOPBACK), "")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return served.make(tmp_path_factory.mktemp("served"))


def serving(collection, review=None, access=OPEN):
    return TestClient(application(Service(collection, review), access), base_url=HERE, raise_server_exceptions=False)


@pytest.fixture(scope="module")
def client(tiny):
    with open_collection(tiny.index, tiny.photos, None) as collection, serving(collection) as started:
        yield started


def refused(response, status):
    """The message of a refused request: one sentence."""
    assert response.status_code == status, response.text
    sentence = response.json()["error"]["message"]
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_a_search_has_the_hits_of_the_verb(client, tiny):
    expected = cp.search(str(tiny.index), like=3, k=5).record()
    assert client.post("/search", json={"like": 3, "k": 5}).json()["hits"] == expected
    assert client.post("/search", json={"like": "3", "k": 5}).json()["hits"] == expected
    vector = cp.search(str(tiny.index), like=3, k=1)[0]
    z = client.post("/embed/file?name=a.png", content=(tiny.photos / vector.name).read_bytes()).json()["vector"]
    first = client.post("/search", json={"vector": z, "k": 1}).json()["hits"][0]
    assert first["name"] == vector.name
    assert first["similarity"] == pytest.approx(1, abs=1e-4)


def test_a_filter_applies_to_searches_and_to_the_map(client):
    assert client.get("/collection").json()["colours"] == ["label", "cluster"]
    rows = client.get("/filter", params={"where": "label == 'kind1'"}).json()["rows"]
    hits = client.post("/search", json={"like": 0, "k": 50, "where": "label == 'kind1'"}).json()["hits"]
    assert sorted(hit["index"] for hit in hits) == rows
    assert len(rows) == 16


def test_bad_searches_are_refused_with_one_sentence(client):
    for request, status, sentence in (
        ({}, 422, "Send either 'like'"),
        ({"like": 3, "vector": [1.0]}, 422, "Send either 'like'"),
        ({"like": 99}, 404, "There is no item in row 99: rows are numbered 0 to 63."),
        ({"like": "007"}, 200, None),
        ({"like": "kind9/x"}, 404, "There is no item 'kind9/x'."),
        ({"like": "KIND0/00"}, 404, "Names that contain it: 'kind0/000.png'"),
        ({"like": 3, "k": 0}, 422, "k, the number of results, is from 1 to 1,000. Got 0."),
        ({"like": 3, "k": "x"}, 422, "'k' should be a valid integer"),
        ({"vector": [1.0, 2.0]}, 422, "numbers. Got 2."),
        ({"like": 3, "where": "colour == 1"}, 422, "names the column 'colour', which"),
        ({"like": 3, "where": "exit()"}, 422, "calls a function"),
        ({"like": 3, "filter": "label == 'kind1'"}, 422, "The request has no field 'filter'"),
        ([3], 422, "must be a JSON object"),
    ):
        response = client.post("/search", json=request)
        if sentence is None:
            assert response.status_code == status
        else:
            assert sentence in refused(response, status), request
    broken = client.post("/search", content=b"{", headers={"content-type": "application/json"})
    assert refused(broken, 422) == "The body of the request is not JSON."
    plain = client.post("/search", content=b'{"like": 3}', headers={"content-type": "text/plain"})
    assert "content-type: application/json" in refused(plain, 422)
    assert refused(client.get("/nothing"), 404) == "There is nothing at '/nothing'."
    assert refused(client.get("/search"), 405)


def test_a_bad_query_does_not_affect_others_in_its_batch(tiny):
    from counterpoint.retrieval.index import Index
    from counterpoint.serving.batched_search import Query, search_batch

    index = Index.open(tiny.index)
    vectors = [index.vector(row) for row in range(4)]
    queries = [
        Query(vectors[0], 0, 3),
        Query(vectors[1], None, 5),
        Query(vectors[2], 2, 2, "nonsense("),
        Query(vectors[3], 3, 1),
    ]
    answers = search_batch(index, queries)
    assert [len(each) for each in (answers[0], answers[1], answers[3])] == [3, 5, 1]
    assert isinstance(answers[2], InputError)
    alone = index.search(vectors[0], 3, skip=[0])[0]
    assert [hit.name for hit in answers[0]] == [hit.name for hit in alone]


def test_an_upload_is_searched_for_unless_it_is_no_image_or_too_large(client, tiny):
    held = (tiny.photos / "kind0" / "000.png").read_bytes()
    hits = client.post("/search/file?name=mine.png&k=3", content=held).json()["hits"]
    assert hits[0]["name"] == "kind0/000.png"
    assert refused(client.post("/search/file?name=a.png", content=b"no picture"), 422) == (
        "'a.png' is not an image that can be read."
    )
    large = io.BytesIO()
    Image.new("1", (9000, 9000)).save(large, "PNG")
    assert "9,000 x 9,000 pixels" in refused(client.post("/search/file?name=../b.png", content=large.getvalue()), 422)
    assert "half" not in refused(client.post("/search/file?name=c.png", content=held[: len(held) // 2]), 422)


def test_bodies_are_limited_by_their_declared_and_their_real_size(client, monkeypatch):
    sentence = refused(client.post("/search/file", content=b"", headers={"content-length": str(2**31)}), 413)
    assert sentence == "A request has at most 33,554,432 bytes here. Got 2,147,483,648."
    monkeypatch.setattr(guard, "JSON", 1000)
    assert refused(client.post("/search", content=iter([b"a" * 600] * 2)), 413).endswith("this one has more.")
    monkeypatch.setattr(guard, "IN_FLIGHT", 5)
    assert refused(client.post("/search", json={"like": 3}), 503).startswith("Too many files")


def response_to(app, headers, *messages, path="/search", method="POST"):
    """The status and the message of the response of an application to a body in these messages."""
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers, "root_path": ""}
    left, sent = list(messages), []

    async def receive():
        if not left:
            await asyncio.sleep(60)
        return left.pop(0)

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])["error"]["message"]


def test_a_body_that_does_not_arrive_is_given_up():
    async def unreachable(scope, receive, send):
        raise AssertionError("the request was passed on")

    middleware = guard.Guard(unreachable, OPEN, timeout=0.01)
    headers = [(b"host", b"localhost"), (b"content-length", b"10")]
    begun = {"type": "http.request", "body": b"a", "more_body": True}
    assert response_to(middleware, headers, begun)[0] == 408
    assert response_to(middleware, headers, begun, {"type": "http.disconnect"})[0] == 408
    large, rest = [headers[0], (b"content-length", b"9" * 10)], [begun, {"type": "http.request", "body": b"a"}]
    assert response_to(middleware, large, *rest)[0] == 413
    assert response_to(middleware, [*large, (b"expect", b"100-continue")])[0] == 413  # without waiting for the body
    assert middleware._in_flight == 0


def test_other_sites_and_other_host_names_are_refused(client):
    for headers, status in (
        ({}, 200),
        ({"host": "localhost:8765"}, 200),
        ({"host": "[::1]:8765"}, 200),
        ({"host": "evil.example"}, 403),
        ({"host": "127.0.0.1.evil.example:8765"}, 403),
        ({"origin": HERE}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
    ):
        assert client.post("/search", json={"like": 0}, headers=headers).status_code == status, headers
    assert client.get("/items/0/picture", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    opened = client.get("/", headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"})
    assert opened.status_code == 200
    assert "default-src 'none'" in opened.headers["content-security-policy"]


def test_over_a_network_a_token_is_needed(tiny):
    access = server.access_for("0.0.0.0", 8765)
    assert len(access.token) >= 32
    assert access.token != server.access_for("0.0.0.0", 8765).token
    with open_collection(tiny.index, None, None) as collection, serving(collection, access=access) as client:
        for headers in (
            {},
            {"authorization": "Bearer wrong"},
            {"cookie": f"{access.cookie}=wrong"},
            {"cookie": "a=\x7f"},
        ):
            assert refused(client.get("/health", headers=headers), 401).startswith("This server needs its token")
        assert client.get("/?token=wrong").status_code == 401
        assert client.get("/health", headers={"authorization": f"Bearer {access.token}"}).status_code == 200
        entered = client.get(f"/?token={access.token}", follow_redirects=False)
        assert (entered.status_code, entered.headers["location"]) == (303, "/")
        assert "HttpOnly" in entered.headers["set-cookie"]
        assert client.get("/", headers={"host": "box.local"}).status_code == 200  # the client keeps the cookie


def test_items_have_label_and_picture(client, tiny):
    hostile = client.get("/items/row", params={"name": f"kind1/{served.HOSTILE}"}).json()["row"]
    (card,) = client.get("/items", params={"rows": hostile}).json()
    assert card == {
        "row": hostile,
        "name": f"kind1/{served.HOSTILE}",
        "label": "kind1",
        "picture": f"/items/{hostile}/picture",
    }
    picture = client.get(card["picture"])
    assert picture.headers["content-type"] == "image/webp"
    shown = np.asarray(Image.open(io.BytesIO(picture.content)).convert("RGB"))
    np.testing.assert_array_equal(shown, np.asarray(Image.open(tiny.photos / card["name"])))
    assert refused(client.get("/items/99/picture"), 404)
    assert refused(client.get("/items", params={"rows": "1;2"}), 422)


def test_without_the_data_pictures_and_explanations_are_refused(tiny):
    with open_collection(tiny.index, None, None) as collection, serving(collection) as client:
        assert client.get("/collection").json()["pictures"] is False
        assert "source=" in refused(client.get("/items/0/picture"), 404)
        assert "source=" in refused(client.post("/explain", json={"a": 0, "b": 1}), 422)


def test_the_map_has_a_place_for_every_row_and_is_stored(tiny, tmp_path, monkeypatch):
    copied = shutil.copytree(tiny.index, tmp_path / "index")
    cp.index(copied, delete="kind0/000.png", quiet=True)
    monkeypatch.setattr("counterpoint.serving.layout.MOST", 40)
    with open_collection(copied, None, None) as collection, serving(collection) as client:
        made = client.get("/map").json()
        categories = client.get("/map/categories", params={"by": "label"}).json()
        assert refused(client.get("/map/categories", params={"by": "nothing"}), 404)
        clusters = client.get("/map/categories", params={"by": "cluster"}).json()
    row = collection.index.items.column("name").to_pylist().index("kind0/000.png")
    places = np.array(made["places"]).reshape(-1, 2)
    assert len(places) == len(categories["categories"]) == 64
    assert (places[row] < 0).all()
    assert (np.delete(places, row, axis=0) >= 0).all()
    assert categories["counts"] == [15, 16, 16, 16]
    assert sum(clusters["counts"]) == 63
    monkeypatch.setattr(layout, "compute_layout", None)  # it is not made again
    with open_collection(copied, None, None) as collection, serving(collection) as client:
        assert client.get("/map").json() == made


def test_decisions_are_stored_in_the_queue_for_the_next_audit(tiny, tmp_path):
    from counterpoint.auditing.decisions import read_decisions

    folder = shutil.copytree(tiny.audit, tmp_path / "audit")
    with open_collection(tiny.index, None, None) as collection, serving(collection, Review(folder)) as client:
        queue = client.get("/audit").json()
        names = [entry["item"] for entry in queue["entries"]]
        assert [entry["probability"] for entry in queue["entries"]] == [0.9, 0.6, 0.3, None]
        assert (queue["entries"][0]["row"], queue["entries"][0]["partners"]) == (0, [1])
        assert queue["progress"].startswith("Review 3 more")
        for name, decision in ((names[0], "accept"), (names[2], "reject"), (names[3], "reject"), (names[3], None)):
            assert client.post("/audit/decision", json={"item": name, "decision": decision}).status_code == 200
        assert read_decisions(folder / "queue.csv") == {names[0]: True, names[2]: False}
        now = [each["decision"] for each in client.get("/audit").json()["entries"]]
        assert now == ["accept", None, "reject", None]
        assert refused(client.post("/audit/decision", json={"item": "other", "decision": "accept"}), 404)
        assert "Got 'perhaps'" in refused(
            client.post("/audit/decision", json={"item": names[0], "decision": "perhaps"}), 422
        )
    assert sorted(path.name for path in folder.iterdir()) == ["audit.json", "queue.csv"]


def test_without_an_audit_there_is_no_queue(client, tmp_path):
    assert "audit=" in refused(client.get("/audit"), 404)
    with pytest.raises(InputError, match="There is no queue in"):
        Review(tmp_path)


def test_an_explanation_is_the_record_of_the_verb(client):
    record = client.post("/explain", json={"a": 0, "b": "kind0/004.png"}).json()
    assert len(record["parts_a"]) == len(record["table"]) == 49
    assert {"r2", "similarity", "strongest", "clear"} <= set(record)
    assert bool(record["neighbours_a"]) != record["explained"]
    assert refused(client.post("/explain", json={"a": 0, "b": "other"}), 404)


def test_duplicates_and_the_verdict(client):
    assert client.post("/duplicates", json={"threshold": 0.999999}).json()["pairs"] is not None
    assert refused(client.post("/duplicates", json={"threshold": 2}), 422)
    verdict = client.get("/run").json()
    assert verdict["verdicts"]
    assert verdict["headline"]["level"] == "warning"


def test_duplicates_are_those_of_the_indexed_items_where_the_source_has_others(tiny, tmp_path):
    photos = shutil.copytree(tiny.photos, tmp_path / "photos")
    first, *_, last = sorted(each.relative_to(photos).as_posix() for each in photos.rglob("*.png"))
    shutil.copy(photos / last, photos / "kind0/zz.png")
    index = cp.index(tiny.run, photos, out=tmp_path / "index", quiet=True)
    cp.index(index.folder, delete=[first], quiet=True)
    with open_collection(index.folder, photos, None) as collection, serving(collection) as client:
        pairs = client.post("/duplicates", json={}).json()["pairs"]
    assert [{pair["a"], pair["b"]} for pair in pairs if pair["equal"]] == [{last, "kind0/zz.png"}]


def test_the_openapi_schema_has_every_request(client):
    schema = client.get("/openapi.json").json()
    paths = {
        "/health",
        "/search",
        "/search/file",
        "/embed",
        "/duplicates",
        "/explain",
        "/items/{row}/picture",
        "/map",
        "/audit",
    }
    assert paths <= set(schema["paths"])
    assert {"like", "vector", "k", "where"} == set(schema["components"]["schemas"]["SearchRequest"]["properties"])


def test_the_page_loads_nothing_from_other_hosts(client):
    page = client.get("/").text
    assert "http:" not in page
    assert "https:" not in page
    for name in ("layout.css", "tokens.css", "main.js", "map.js", "renderers.js", "icon.svg"):
        assert client.get(f"/page/{name}").status_code == 200, name
    for script in (served.Path(guard.__file__).parent / "page").glob("*.js"):
        text = script.read_text(encoding="utf-8")
        assert not [
            word for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "document.write") if word in text
        ]
        assert len(text.splitlines()) <= 300
    assert client.get("/page/../guard.py").status_code == 404


def test_a_text_is_embedded_and_never_opened_as_a_path(tmp_path):
    world = remarks(count=64)
    model = cp.fit(world.source, quiet=True, **{**served.TINY, **world.choices})
    secret = tmp_path / "secret.txt"
    secret.write_text("a\nb\n", encoding="utf-8")
    with open_collection(model, world.source, None) as collection, serving(collection) as client:
        description = client.get("/collection").json()
        assert description["text"] is True
        assert description["colours"] == ["cluster"]  # all texts differ
        hits = client.post("/search", json={"like": world.source[7], "k": 1}).json()["hits"]
        assert hits[0]["text"] == world.source[7]
        embedded = client.post("/embed", json={"texts": [*world.source[:3], str(secret)]}).json()["vectors"]
        assert len(embedded) == 4
        expected = model.embed(world.source[:3]).vectors
        np.testing.assert_allclose(embedded[:3], expected, atol=1e-5)
        assert client.post("/search", json={"like": str(secret), "k": 1}).status_code == 200  # it is read as a text
        assert refused(client.post("/embed", json={"texts": []}), 422)
        assert "cannot be searched for" in refused(client.post("/search", json={"like": "\t "}), 422)
        assert client.post("/explain", json={"a": 0, "b": 4}).json()["parts_a"]  # out of the texts of the index


def test_table_rows_have_cells_and_filters(tmp_path):
    world = records(count=64)
    columns = {f"c{number}": column for number, column in enumerate(world.source.T[:3].astype(float))}
    model = cp.fit(columns, quiet=True, **served.TINY)
    with open_collection(model, columns, None) as collection, serving(collection) as client:
        (card,) = client.get("/items", params={"rows": "3"}).json()
        assert [cell["name"] for cell in card["cells"]] == ["c0", "c1", "c2"]
        rows = client.get("/filter", params={"where": "c0 > 0"}).json()["rows"]
        assert rows == np.flatnonzero(columns["c0"] > 0).tolist()
        categories = client.get("/map/categories", params={"by": "c0"}).json()
        assert len(categories["names"]) == 5
        assert sum(categories["counts"]) == 64
        row = tmp_path / "row.csv"
        row.write_text("c0,c1,c2\n" + ",".join(str(columns[name][9]) for name in columns) + "\n", encoding="utf-8")
        hits = client.post("/search/file?name=row.csv&k=1", content=row.read_bytes()).json()["hits"]
        assert hits[0]["index"] == 9
        assert "holds 2 items" in refused(
            client.post("/search/file?name=r.csv", content=b"c0,c1,c2\n1,2,3\n4,5,6\n"), 422
        )
        assert "does not end as" in refused(client.post("/search/file?name=row", content=b"1"), 422)
        assert "embeds no texts" in refused(client.post("/embed", json={"texts": ["a"]}), 422)


def test_embeddings_without_a_model_are_served(tmp_path):
    vectors = np.eye(30, dtype=np.float32)
    path = cp.Embeddings(vectors, [f"v{row}" for row in range(30)]).save(tmp_path / "z.npz")
    with open_collection(path, None, None) as collection, serving(collection) as client:
        assert client.get("/collection").json()["files"] is False
        assert len(client.post("/search", json={"like": "v3", "k": 4}).json()["hits"]) == 4
        assert "There is no model" in refused(client.post("/search/file", content=b"a"), 422)
    with pytest.raises(InputError, match="the labels that they have"), open_collection(path, None, "folder"):
        pass


def test_an_internal_error_is_one_sentence_and_is_logged(client, monkeypatch, caplog):
    monkeypatch.setattr("counterpoint.serving.service.matching", None)
    assert refused(client.get("/filter", params={"where": "a"}), 500).startswith("Something went wrong that is not in")
    assert "NoneType" in caplog.text


def test_a_taken_port_is_reported_before_anything_is_embedded(tiny, capsys):
    with server.bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as stopped:
            main(["serve", str(tiny.run), "--port", str(port)])
    assert stopped.value.code == 2
    assert f"Port {port} of 127.0.0.1 is taken by another program" in capsys.readouterr().err
    for host, port, sentence in (
        ("127.0.0.1", 70000, "from 0 to 65535. Got 70000"),
        ("no.such.host.invalid", 0, "This machine cannot listen at"),
    ):
        with pytest.raises(InputError, match=sentence):
            server.bind(host, port)


def test_missing_data_and_packages_are_named(tiny, monkeypatch):
    with pytest.raises(InputError, match="Name what to serve"), open_collection(cp.load(tiny.run), None, None):
        pass
    with pytest.raises(InputError, match="An index has the labels"), open_collection(tiny.index, None, "folder"):
        pass
    monkeypatch.setattr(server, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"counterpoint\[serve\]"):
        cp.serve(tiny.run)


def test_a_source_with_fewer_items_is_matched_by_name(tiny, tmp_path):
    some = tmp_path / "photos" / "kind0"
    some.mkdir(parents=True)
    shutil.copy(tiny.photos / "kind0" / "004.png", some)
    with open_collection(tiny.index, tmp_path / "photos", None) as collection:
        assert isinstance(collection, Collection)
        assert (collection.places >= 0).sum() == 1
        assert "picture" in collection.cards([collection.row("kind0/004.png")])[0]
        assert "picture" not in collection.cards([collection.row("kind0/000.png")])[0]
    foreign = shutil.copytree(some, tmp_path / "foreign")
    with (
        pytest.raises(InputError, match=r"No item of the source is in .* such as 'kind0/000.png', and here '004.png'"),
        open_collection(tiny.index, foreign, None),
    ):
        pass
