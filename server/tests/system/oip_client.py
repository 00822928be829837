"""The stock client of the Open Inference Protocol against a real server: every number is compared, to the bit, with what the
server's own REST routes say about the same row. Arguments: gRPC address, HTTP address, version and digest of the champion."""

import json
import queue
import sys
import urllib.request

import numpy as np
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from tritonclient.utils import InferenceServerException

GRPC, HTTP, VERSION, DIGEST = sys.argv[1:]
TASKS = [
    "return_1step", "return_4step", "return_16step", "direction_4step", "direction_multi_4step", "volatility_4step",
    "vol_regime_4step",
]
MODELS = [*TASKS, "all"]
SYMBOLS = ["BNBUSDT", "BTCUSDT", "ETHUSDT"]
MEMBERS = ["ensemble", "lightgbm", "xgboost"]
PATIENCE_SECONDS = 60


def rest(path, post=False):
    request = urllib.request.Request(f"http://{HTTP}{path}", data=b"{}" if post else None)
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        return json.load(answer)


def bits(numbers):
    return np.ascontiguousarray(np.asarray(numbers, dtype=np.float64)).view(np.uint64).tolist()


def served(prediction, task, member):
    """What the REST answer says: a number, or the probabilities."""
    answer = prediction["predictions"][task]
    return answer.get("probabilities", answer)[member]


def tensor(module, name, array, datatype, binary=None):
    given = module.InferInput(name, list(array.shape), datatype)
    given.set_data_from_numpy(array, **({} if binary is None else {"binary_data": binary}))
    return given


def symbol_input(module, symbols, binary=None):
    return tensor(module, "symbol", np.array([name.encode() for name in symbols], dtype=object), "BYTES", binary)


def outputs(module, names, binary):
    if names is None:
        return None
    return [module.InferRequestedOutput(name, **({} if binary is None else {"binary_data": binary})) for name in names]


def ways(grpc, http):
    """The client, its module, and whether tensors are packed (which gRPC's always are)."""
    return [(grpc, triton_grpc, None), (http, triton_http, True), (http, triton_http, False)]


def expect_refusal(call, *parts):
    try:
        call()
    except InferenceServerException as error:
        said = f"{error.status()} {error.message()}"
        assert all(part in said for part in parts), f"{said} does not say {parts}"
        return
    raise AssertionError(f"nothing was refused, {parts} was expected")


def health_and_descriptions(grpc, http):
    width = len(rest("/features/BTCUSDT")["features"])
    for client in (grpc, http):
        assert client.is_server_live() and client.is_server_ready()
        for model in MODELS:
            assert client.is_model_ready(model) and client.is_model_ready(model, VERSION), model
        expect_refusal(lambda: client.get_model_metadata("nothing"), "UNKNOWN" if client is http else "NOT_FOUND")
        expect_refusal(lambda: client.get_model_metadata("all", "99"), "99")
    told = json.loads(json.dumps(http.get_server_metadata()))
    wire = grpc.get_server_metadata(as_json=True)
    assert told == wire and told["name"] == "klinecast" and "binary_tensor_data" in told["extensions"], (told, wire)
    for model in MODELS:
        json_told = http.get_model_metadata(model)
        wire = grpc.get_model_metadata(model)
        assert json_told["versions"] == list(wire.versions) == [VERSION]
        assert json_told["properties"]["bundle"] == DIGEST
        shapes = {spec["name"]: (spec["datatype"], spec["shape"]) for spec in json_told["inputs"] + json_told["outputs"]}
        wire_shapes = {spec.name: (spec.datatype, list(spec.shape)) for spec in [*wire.inputs, *wire.outputs]}
        assert shapes == wire_shapes
        assert shapes["features"] == ("FP64", [-1, width]) and shapes["symbol"] == ("BYTES", [-1])
        config = grpc.get_model_config(model).config
        json_config = http.get_model_config(model)
        assert config.name == json_config["name"] == model and config.max_batch_size == json_config["max_batch_size"] == 0
        assert [i.name for i in config.input] == [i["name"] for i in json_config["input"]]
        assert [list(o.dims) for o in config.output] == [o["dims"] for o in json_config["output"]]
        assert config.parameters["bundle"].string_value == json_config["parameters"]["bundle"]["string_value"] == DIGEST


def by_symbol(client, module, binary):
    """Each model about all symbols, until both routes speak of the same bars."""
    for model in MODELS:
        given = [symbol_input(module, SYMBOLS, binary)]
        for _ in range(200):
            answer = client.infer(model, given, request_id="7", outputs=None)
            compared = {symbol: rest(f"/predict/{symbol}", post=True) for symbol in SYMBOLS}
            bars = [compared[symbol]["bar_time"] for symbol in SYMBOLS]
            revisions = [compared[symbol]["revision"] for symbol in SYMBOLS]
            if answer.as_numpy("bar_time_ms").tolist() == bars and answer.as_numpy("revision").tolist() == revisions:
                break
        else:
            raise AssertionError("the routes never speak of the same bars")
        header = answer.get_response()
        said = header if isinstance(header, dict) else {"id": header.id, "model_version": header.model_version}
        assert (said["id"], said["model_version"]) == ("7", VERSION), said
        assert set(answer.as_numpy("bundle").tolist()) == {DIGEST.encode()}
        assert (answer.as_numpy("staleness_ms") >= 0).all()
        for task in TASKS if model == "all" else [model]:
            prefix = f"{task}." if model == "all" else ""
            for member in MEMBERS:
                expected = [served(compared[symbol], task, member) for symbol in SYMBOLS]
                assert bits(answer.as_numpy(prefix + member)) == bits(expected), (model, task, member)
            if "probabilities" in compared[SYMBOLS[0]]["predictions"][task]:
                answers = [compared[symbol]["predictions"][task] for symbol in SYMBOLS]
                assert answer.as_numpy(prefix + "class").tolist() == [said["ensemble"] for said in answers]
                names = [name.decode() if isinstance(name, bytes) else name for name in answer.as_numpy(prefix + "class_name")]
                assert names == [said["class"] for said in answers]


def rows_and_predictions():
    """Each symbol's feature row, its regime's cuts, and the prediction that was made from exactly this row."""
    found = []
    for symbol in SYMBOLS:
        for _ in range(200):
            row, prediction = rest(f"/features/{symbol}"), rest(f"/predict/{symbol}", post=True)
            if row["row_hash"] == prediction["row_hash"]:
                found.append((row, prediction))
                break
        else:
            raise AssertionError("row and prediction are never of the same bar")
    matrix = np.array([list(row["features"].values()) for row, _ in found], dtype=np.float64)
    cuts = np.array([row["regime_cuts"] or [np.nan] * 2 for row, _ in found], dtype=np.float64)
    assert np.isfinite(cuts).all(), "the history is long enough for the cuts"
    return matrix, cuts, [prediction for _, prediction in found]


def by_rows(client, module, binary, times):
    """The rows alone, `times` one after another, answer what was served."""
    matrix, cuts, predictions = rows_and_predictions()
    matrix, cuts = np.tile(matrix, (times, 1)), np.tile(cuts, (times, 1))
    if binary is False:
        # The client's JSON has no missing numbers.
        matrix = np.nan_to_num(matrix)
        reference = triton_grpc.InferenceServerClient(GRPC)
        given = [tensor(triton_grpc, "features", matrix, "FP64"), tensor(triton_grpc, "regime_cuts", cuts, "FP64")]
        packed = reference.infer("all", given)
    given = [tensor(module, "features", matrix, "FP64", binary), tensor(module, "regime_cuts", cuts, "FP64", binary)]
    answer = client.infer("all", given, model_version=VERSION)
    for task in TASKS:
        for member in MEMBERS:
            name = f"{task}.{member}"
            if binary is False:
                expected = packed.as_numpy(name)
            else:
                expected = [served(prediction, task, member) for prediction in predictions] * times
            assert bits(answer.as_numpy(name)) == bits(expected), (name, times)
    assert answer.as_numpy("bar_time_ms") is None, "rows have no bar"


def requested_outputs(client, module, binary):
    given = [symbol_input(module, SYMBOLS, binary)]
    names = ["xgboost", "class"]
    answer = client.infer("direction_multi_4step", given, outputs=outputs(module, names, binary))
    header = answer.get_response()
    told = header["outputs"] if isinstance(header, dict) else header.outputs
    assert [output["name"] if isinstance(output, dict) else output.name for output in told] == names
    assert answer.as_numpy("xgboost").shape == (3, 5) and answer.as_numpy("class").shape == (3,)
    packed = {} if binary is None else {"binary_data": binary}
    wanted = [module.InferRequestedOutput("ensemble", class_count=2, **packed)]
    texts = client.infer("direction_4step", given, outputs=wanted).as_numpy("ensemble")
    assert texts.shape == (3, 2)
    first, second = [text.decode() if isinstance(text, bytes) else text for text in texts[0]]
    probability, place, name = first.split(":")
    assert name == ["down", "up"][int(place)] and float(probability) >= float(second.split(":")[0])


def refusals(client, module, binary):
    width = len(rest("/features/BTCUSDT")["features"])
    ask = lambda model, *given, **more: (lambda: client.infer(model, list(given), **more))
    array = lambda shape, kind=np.float64: np.zeros(shape, dtype=kind)
    known = symbol_input(module, ["BTCUSDT"], binary)
    expect_refusal(ask("nothing", known), "known are return_1step")
    expect_refusal(ask("all", known, model_version="99"), "99")
    expect_refusal(ask("all", symbol_input(module, ["DOGEUSDT"], binary)), "DOGEUSDT", "BTCUSDT")
    expect_refusal(ask("all", known, outputs=outputs(module, ["mean"], binary)), "mean", "return_1step.ensemble")
    expect_refusal(ask("return_1step", tensor(module, "features", array((1, width), np.float32), "FP32", binary)), "FP32", "FP64")
    expect_refusal(ask("return_1step", tensor(module, "features", array((1, 3)), "FP64", binary)), f"[N,{width}]")
    many = tensor(module, "features", array((1025, width)), "FP64", binary)
    expect_refusal(ask("return_1step", many), "1024 are allowed")
    expect_refusal(ask("all", tensor(module, "features", array((1, width)), "FP64", binary)), "regime_cuts")
    expect_refusal(ask("all", known, tensor(module, "features", array((1, width)), "FP64", binary)), "stands alone")
    expect_refusal(ask("return_1step", known, parameters={"subscribe": True}), "ModelStreamInfer")


def asynchronous(grpc, http):
    heard = queue.Queue()
    given = [symbol_input(triton_grpc, ["BTCUSDT"])]
    for number in range(8):
        grpc.async_infer("return_4step", given, lambda result, error: heard.put((result, error)), request_id=str(number))
    ids = set()
    for _ in range(8):
        result, error = heard.get(timeout=PATIENCE_SECONDS)
        assert error is None, error
        ids.add(result.get_response().id)
    assert ids == {str(number) for number in range(8)}
    waiting = [http.async_infer("return_4step", [symbol_input(triton_http, ["BTCUSDT"])]) for _ in range(8)]
    for request in waiting:
        assert request.get_result(timeout=PATIENCE_SECONDS).as_numpy("ensemble").shape == (1,)


def stream(grpc):
    heard = queue.Queue()
    grpc.start_stream(lambda result, error: heard.put((result, error)))
    for model, symbol, number in [("return_1step", "BTCUSDT", "1"), ("nothing", "BTCUSDT", "2"), ("all", "X", "3"), ("all", "ETHUSDT", "4")]:
        grpc.async_stream_infer(model, [symbol_input(triton_grpc, [symbol])], request_id=number)
    answers = [heard.get(timeout=PATIENCE_SECONDS) for _ in range(4)]
    assert answers[0][0].get_response().id == "1" and answers[3][0].get_response().id == "4", "in the order asked"
    assert "UNKNOWN_MODEL" in answers[1][1].message() and "UNKNOWN_SYMBOL" in answers[2][1].message()

    grpc.async_stream_infer("return_1step", [symbol_input(triton_grpc, ["BTCUSDT"])], request_id="s", parameters={"subscribe": True})
    bars = []
    while len(set(bars)) < 3:
        result, error = heard.get(timeout=PATIENCE_SECONDS)
        assert error is None, error
        response = result.get_response()
        assert response.id == "s" and not response.parameters["triton_final_response"].bool_param
        assert result.as_numpy("ensemble").shape == (1,)
        bars += result.as_numpy("bar_time_ms").tolist()
    assert bars == sorted(bars), bars
    # A request between the subscription's answers is answered too.
    grpc.async_stream_infer("return_4step", [symbol_input(triton_grpc, ["BTCUSDT"])], request_id="between")
    while heard.get(timeout=PATIENCE_SECONDS)[0].get_response().id != "between":
        pass
    # Ends the subscription with the caller's side of the stream, without a cancellation.
    grpc.stop_stream()


def statistics_and_repository(grpc, http):
    def counted():
        return grpc.get_inference_statistics("return_16step").model_stats[0]

    before = counted()
    for count in (1, 3):
        http.infer("return_16step", [symbol_input(triton_http, SYMBOLS[:count])])
    expect_refusal(lambda: http.infer("return_16step", [symbol_input(triton_http, ["X"])]), "X")
    after = counted()
    assert after.inference_count - before.inference_count == 4 and after.execution_count - before.execution_count == 2
    stats = after.inference_stats
    assert stats.success.count == after.execution_count and stats.fail.count - before.inference_stats.fail.count == 1
    assert stats.queue.ns == 0 and stats.compute_infer.count == stats.success.count
    assert stats.compute_input.ns + stats.compute_infer.ns + stats.compute_output.ns <= stats.success.ns
    sizes = {batch.batch_size: batch.compute_infer.count for batch in after.batch_stats}
    assert {1, 3} <= set(sizes) and after.last_inference > 0
    told = http.get_inference_statistics("return_16step", VERSION)["model_stats"][0]
    assert told["inference_count"] == after.inference_count and told["version"] == VERSION
    assert [model["name"] for model in http.get_inference_statistics()["model_stats"]] == MODELS

    index = http.get_model_repository_index()
    wire = grpc.get_model_repository_index().models
    assert [entry["name"] for entry in index] == [entry.name for entry in wire] == MODELS
    assert {(entry["state"], entry["version"]) for entry in index} == {("READY", VERSION)}
    for client in (grpc, http):
        client.load_model("all")
        expect_refusal(lambda: client.unload_model("all"), "promote another bundle")
        expect_refusal(lambda: client.load_model("all", config="{}"), "registry")
        expect_refusal(lambda: client.load_model("nothing"), "nothing")
    expect_refusal(grpc.get_system_shared_memory_status, "UNIMPLEMENTED", "SystemSharedMemoryStatus")
    expect_refusal(grpc.get_cuda_shared_memory_status, "UNIMPLEMENTED")
    expect_refusal(grpc.get_trace_settings, "UNIMPLEMENTED", "TraceSetting")
    expect_refusal(http.get_system_shared_memory_status, "404", "is not known")


def main():
    grpc = triton_grpc.InferenceServerClient(GRPC)
    http = triton_http.InferenceServerClient(HTTP, concurrency=4)
    health_and_descriptions(grpc, http)
    for way in ways(grpc, http):
        by_symbol(*way)
        for times in (1, 2, 100) if way[2] is not False else (1, 20):
            by_rows(*way, times)
        requested_outputs(*way)
        refusals(*way)
    asynchronous(grpc, http)
    stream(grpc)
    statistics_and_repository(grpc, http)
    http.close()
    print("held")


main()
