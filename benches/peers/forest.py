#!/usr/bin/env python3
"""Times other scorers of LightGBM and XGBoost models, and counts the rows on which they differ from the original.

    forest.py MODEL ROWS WIDTH --edges FILE
    forest.py MODEL ROWS WIDTH --ours FILE [--most-nodes 60000]

MODEL is a LightGBM text or an XGBoost UBJSON file; ROWS has little-endian f64, row after row. Prints one JSON object a line:
{"peer", "batch", "us", "real", "edge", "note"}: CPU microseconds a row in batches of 1, 10 and 1,000 (one thread, median of
rounds), and of 1,000 rows each how many have another raw score than the original's, as f64 for LightGBM and as f32 for
XGBoost. A peer that could not be measured has a note that says why.

The first call only writes the edge rows to FILE. The second reads our own raw scores from FILE (f64, those of the rows and
then those of the edge rows) and counts them as it counts the peers'. `cargo xtask bench forest` does both.
"""
import argparse, ctypes, json, math, os, statistics, sys, tempfile, time

os.environ.update(OMP_NUM_THREADS="1", OMP_WAIT_POLICY="PASSIVE")
import numpy as np

BATCHES = (1, 10, 1000)


def say(**fields):
    print(json.dumps(fields), flush=True)


def time_of(call, rows, batch):
    """CPU microseconds a row, all threads: the median of rounds of at least 30 ms."""
    parts = [np.ascontiguousarray(rows[i:i + batch]) for i in range(0, len(rows) - batch + 1, batch)][:max(1, 200 // batch)]
    rounds, one = [], 0.0
    while len(rounds) < 5 and one < 2.0:
        start, turns = time.process_time(), 0
        while time.process_time() - start < 0.03:
            for part in parts:
                call(part)
            turns += 1
        one = (time.process_time() - start) / turns
        rounds.append(one / (len(parts) * batch) * 1e6)
    return statistics.median(rounds)


def edge_rows(cuts, width, rows, single):
    """Rows whose cells stand on thresholds, one step beside them, or are special."""
    r = np.random.default_rng(5)
    special = [0.0, -0.0, math.nan, 1e-36, -1e-36, float(np.float32(1e-35)), 1e300 if not single else 1e30, 5e-324]
    out = rows.copy()
    for j in range(width):
        if not len(cuts.get(j, ())):
            continue
        for i in range(len(out)):
            kind = r.integers(8)
            cut = float(r.choice(cuts[j]))
            if kind == 0:
                out[i, j] = special[r.integers(len(special))]
            elif single:
                step = [0, np.float32(np.inf), np.float32(-np.inf)][r.integers(3)]
                out[i, j] = cut if step == 0 else np.nextafter(np.float32(cut), step)
            else:
                out[i, j] = [cut, math.nextafter(cut, math.inf), math.nextafter(cut, -math.inf)][r.integers(3)]
    return out


class LightGbm:
    single = False

    def __init__(self, path):
        import lightgbm
        self.path, self.booster = path, lightgbm.Booster(model_file=path)
        self.cuts = {}
        for line in open(path):
            if line.startswith("split_feature="):
                features = [int(v) for v in line.split("=")[1].split()]
            elif line.startswith("threshold="):
                for feature, cut in zip(features, line.split("=")[1].split()):
                    self.cuts.setdefault(feature, []).append(float(cut))

    def original(self, rows):
        return self.booster.predict(rows, raw_score=True, num_threads=1)

    def nodes(self):
        return 2 * sum(len(cuts) for cuts in self.cuts.values())

    def treelite(self):
        import treelite
        return treelite.frontend.load_lightgbm_model(self.path)

    def peers(self, most_nodes):
        yield "lleaves", lambda: self.lleaves(most_nodes)
        yield "ONNX Runtime (python)", self.onnx

    def lleaves(self, most_nodes):
        import lleaves
        check_size(self, most_nodes)
        # It asks for the line that the Python package appends.
        path = os.path.join(tempfile.mkdtemp(), "model.txt")
        with open(path, "w") as copy:
            copy.write(open(self.path).read() + "\npandas_categorical:null\n")
        model = lleaves.Model(model_file=path)
        model.compile(raw_score=True)
        outputs = self.booster.num_model_per_iteration()
        entry = model._c_entry_func
        double = ctypes.POINTER(ctypes.c_double)

        def call(rows):
            out = np.zeros(len(rows) * outputs)
            entry(rows.ctypes.data_as(double), out.ctypes.data_as(double), 0, len(rows))
            return out.reshape(len(rows), -1)
        call.model = model  # whose code it is
        return call

    def onnx(self):
        import onnxmltools, onnxruntime
        from onnxmltools.convert.common.data_types import FloatTensorType
        kinds = [("rows", FloatTensorType([None, self.booster.num_feature()]))]
        model = onnxmltools.convert_lightgbm(self.booster, initial_types=kinds, zipmap=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        last = session.get_outputs()[-1].name
        return lambda rows: session.run([last], {"rows": rows.astype(np.float32)})[0], "predictions, not raw scores"

    def is_regression(self):
        return "regression" in self.booster.dump_model()["objective"]


class XgBoost:
    single = True

    def __init__(self, path):
        import xgboost
        self.path, self.xgboost = path, xgboost
        self.booster = xgboost.Booster(model_file=path, params={"nthread": 1})
        self.cuts = {}
        for tree in json.loads(self.booster.save_raw("json"))["learner"]["gradient_booster"]["model"]["trees"]:
            for left, feature, cut in zip(tree["left_children"], tree["split_indices"], tree["split_conditions"]):
                if left >= 0:
                    self.cuts.setdefault(feature, []).append(cut)

    def original(self, rows):
        return self.booster.inplace_predict(rows.astype(np.float32), predict_type="margin")

    def nodes(self):
        return 2 * sum(len(cuts) for cuts in self.cuts.values())

    def treelite(self):
        import treelite
        return treelite.frontend.from_xgboost(self.booster)

    def peers(self, most_nodes):
        return []

    def is_regression(self):
        return json.loads(self.booster.save_config())["learner"]["objective"]["name"].startswith("reg:")


def onedal(library):
    import daal4py
    model = daal4py.mb.convert_model(library.booster)
    note = None if library.is_regression() else "predictions, not raw scores"
    return lambda rows: model.predict(rows), note


def check_size(library, most_nodes):
    if library.nodes() > most_nodes:
        raise RuntimeError(f"not built: {library.nodes()} nodes take the compiler many minutes")


def gtil(library):
    import treelite
    model, kind = library.treelite(), np.float32 if library.single else np.float64
    return lambda rows: treelite.gtil.predict(model, rows.astype(kind), nthread=1, pred_margin=True)


def tl2cgen(library, most_nodes):
    import tl2cgen
    check_size(library, most_nodes)
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "model.so")
    tl2cgen.export_lib(library.treelite(), toolchain="gcc", libpath=path, params={"parallel_comp": 8}, verbose=False)
    predictor = tl2cgen.Predictor(path, nthread=1)
    kind = np.float32 if library.single else np.float64
    return lambda rows: predictor.predict(tl2cgen.DMatrix(rows.astype(kind)), pred_margin=True)


def differing(library, call, rows):
    ours, kind = library.original(rows), np.float32 if library.single else np.float64
    theirs = np.asarray(call(rows), dtype=kind).reshape(len(rows), -1)
    ours = np.asarray(ours, dtype=kind).reshape(len(rows), -1)
    if ours.shape != theirs.shape:
        return None
    return int(((ours != theirs) & ~(np.isnan(ours) & np.isnan(theirs))).any(axis=1).sum())


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("model")
    arguments.add_argument("rows")
    arguments.add_argument("width", type=int)
    kinds = arguments.add_mutually_exclusive_group(required=True)
    kinds.add_argument("--edges")
    kinds.add_argument("--ours")
    arguments.add_argument("--most-nodes", type=int, default=60_000)
    given = arguments.parse_args()
    library = (LightGbm if open(given.model, "rb").read(4) == b"tree" else XgBoost)(given.model)
    rows = np.fromfile(given.rows, dtype="<f8").reshape(-1, given.width)
    edges = edge_rows(library.cuts, given.width, rows, library.single)
    if given.edges:
        edges.astype("<f8").tofile(given.edges)
        return
    scores = np.fromfile(given.ours, dtype="<f8").reshape(2, len(rows), -1)
    real, edge = (differing(library, lambda _: ours, asked) for ours, asked in zip(scores, (rows, edges)))
    say(peer="ours", real=real, edge=edge)
    peers = [
        *library.peers(given.most_nodes),
        ("oneDAL daal4py (python)", lambda: onedal(library)),
        ("treelite GTIL (python)", lambda: gtil(library)),
        ("TL2cgen (python)", lambda: tl2cgen(library, given.most_nodes)),
    ]
    for name, make in peers:
        # A process each: what one crashes of must not silence the others.
        child = os.fork()
        if child == 0:
            measure(name, make, library, rows, edges)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if status != 0:
            say(peer=name, note=f"it crashed (status {status})")


def measure(name, make, library, rows, edges):
    try:
        made = make()
        call, note = made if isinstance(made, tuple) else (made, None)
        real, edge = (differing(library, call, r) if note is None else None for r in (rows, edges))
        for batch in BATCHES:
            say(peer=name, batch=batch, us=time_of(call, rows, batch), real=real, edge=edge, note=note)
    except Exception as error:  # whatever a peer does is reported, so that none is skipped silently
        first = (str(error).splitlines() or [""])[0]
        say(peer=name, note=f"{type(error).__name__}: {first}"[:200])


if __name__ == "__main__":
    sys.exit(main())
