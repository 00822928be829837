#!/usr/bin/env python3
"""Makes the golden models, rows and answers with the original libraries.

    python3 -m venv /tmp/goldens && /tmp/goldens/bin/pip install lightgbm==4.7.0 xgboost-cpu==3.2.0 numpy
    /tmp/goldens/bin/python crates/forest/tests/goldens/make.py [--rows 20] [--out DIR] [--scale 1]

Data, models and rows are seeded. Beside each model `NAME.txt` (LightGBM), `NAME.ubj` or `NAME.json` (XGBoost)
stands `NAME.golden`: one line for each row, three lists of hexadecimal bits (f64, big-endian) parted by `;`: the
row, the raw scores, the prediction. XGBoost's f32 answers are widened. `NAME.leaves` of some models has the
indices of the leaves of each row. `NAME.contributions` has SHAP values of some rows: the row's number, `;`, and
bits as above (`make.py --contributions` writes these alone, from the models and rows that are there).

Files named `old-*` come from older versions, by `make.py --old` under that version's Python; the main run keeps
them and lets the newest version answer them. `functions.golden` has exp, expf and logf of the system's glibc
(2.36; made on a machine with a fused multiply-add).
"""
import argparse, ctypes, glob, json, math, os, struct
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
FEATURES = 5
EDGES = [0.0, -0.0, 1e-36, -1e-36, float(np.float32(1e-35)), -float(np.float32(1e-35)),
         math.nextafter(float(np.float32(1e-35)), 1), math.nextafter(float(np.float32(1e-35)), 0), 1e-35,
         5e-324, -5e-324, 1e-310, float(np.float32(1e-45)), math.inf, -math.inf, math.nan, math.nan,
         1e300, -1e300, 3.4028235e38, 3.41e38, 1e-7, 16777215.0, 16777216.0, 2147483647.0, 2147483648.0]


def bits(values):
    return ",".join(struct.pack(">d", float(v)).hex() for v in np.asarray(values, dtype=np.float64).ravel())


def data(seed, rows=600, categorical=False):
    """Rows with normal values, zeros, NaN and one coarse column; a smooth signal with noise."""
    r = np.random.default_rng(seed)
    x = r.normal(size=(rows, FEATURES))
    x[:, 1] = np.round(x[:, 1] * 3) / 4
    x[:, 2] *= np.exp(r.normal(size=rows) * 4)
    x[r.random(size=x.shape) < 0.12] = 0.0
    x[r.random(size=x.shape) < 0.12] = np.nan
    signal = np.nan_to_num(x[:, 0]) - np.abs(np.nan_to_num(x[:, 1])) + np.tanh(np.nan_to_num(x[:, 2]))
    signal = signal + 0.7 * (np.isnan(x[:, 3])) - 0.4 * (x[:, 4] == 0)
    if categorical:
        x[:, 3] = r.integers(0, 40, size=rows)
        x[r.random(size=rows) < 0.1, 3] = np.nan
        x[:, 4] = r.integers(0, 3, size=rows)
        signal = signal + np.sin(np.nan_to_num(x[:, 3]) * 1.7) + (x[:, 4] == 1)
    return x, signal + 0.3 * r.normal(size=rows), r


def rows_for(thresholds, x, r, count, categorical):
    """Real rows, and rows whose cells stand on thresholds, one step beside them, or are special."""
    real = x[r.integers(0, len(x), size=count // 3)]
    rows = [real]
    edge = np.empty((count - len(real), FEATURES))
    for i in range(edge.shape[0]):
        for j in range(FEATURES):
            cuts, kind = thresholds.get(j, []), r.random()
            if categorical and j >= 3 and kind < 0.7:
                edge[i, j] = r.choice([*range(-2, 45), 0.5, -0.5, 1.5, 2.999, 1e10, -1e10, 31, 32, 63, 64])
            elif len(cuts) and kind < 0.6:
                t = float(r.choice(cuts))
                with np.errstate(all="ignore"):
                    f = np.float32(t)
                    edge[i, j] = r.choice([t, t, math.nextafter(t, math.inf), math.nextafter(t, -math.inf),
                                           np.nextafter(f, np.float32(np.inf)), np.nextafter(f, np.float32(-np.inf))])
            elif kind < 0.85:
                edge[i, j] = r.choice(EDGES)
            else:
                edge[i, j] = r.normal()
    return np.vstack(rows + [edge])


def write(out, name, rows, margins, predictions):
    with open(os.path.join(out, name + ".golden"), "w") as f:
        for row, margin, prediction in zip(rows, margins, predictions):
            f.write(f"{bits(row)};{bits(margin)};{bits(prediction)}\n")


def write_leaves(out, name, leaves):
    with open(os.path.join(out, name + ".leaves"), "w") as f:
        for row in leaves:
            f.write(" ".join(str(int(leaf)) for leaf in row) + "\n")


# ---------------------------------------------------------------- LightGBM
def lightgbm_models(scale):
    import lightgbm as lgb
    base = dict(num_leaves=7 * scale, learning_rate=0.2, min_data_in_leaf=5, verbose=-1, seed=7, num_threads=1,
                deterministic=True, force_row_wise=True)
    positive = lambda y: np.exp(0.4 * y)
    count = lambda y: np.floor(np.exp(0.6 * y))
    classes = lambda y: np.digitize(y, [-0.6, 0.6]).astype(float)
    half = lambda y: (y > 0).astype(float)
    unit = lambda y: 1 / (1 + np.exp(-y))
    grade = lambda y: np.clip(np.round(y + 1), 0, 3)
    list_ = [
        ("regression", dict(objective="regression"), None), ("regression-sqrt", dict(objective="regression", reg_sqrt=True), None),
        ("l1", dict(objective="l1"), None), ("huber", dict(objective="huber", alpha=0.6), None),
        ("fair", dict(objective="fair"), None), ("quantile", dict(objective="quantile", alpha=0.8), None),
        ("mape", dict(objective="mape"), positive), ("poisson", dict(objective="poisson"), count),
        ("gamma", dict(objective="gamma"), positive), ("tweedie", dict(objective="tweedie"), count),
        ("binary", dict(objective="binary"), half), ("binary-steep", dict(objective="binary", sigmoid=2.7), half),
        ("cross-entropy", dict(objective="cross_entropy"), unit),
        ("multiclass", dict(objective="multiclass", num_class=3), classes),
        ("multiclassova", dict(objective="multiclassova", num_class=3, sigmoid=1.3), classes),
        ("lambdarank", dict(objective="lambdarank"), grade), ("rank-xendcg", dict(objective="rank_xendcg"), grade),
        ("forest", dict(objective="regression", boosting="rf", bagging_freq=1, bagging_fraction=0.6), None),
        ("forest-binary", dict(objective="binary", boosting="rf", bagging_freq=1, bagging_fraction=0.6), half),
        ("dart", dict(objective="binary", boosting="dart", drop_rate=0.4), half),
        ("zero-as-missing", dict(objective="regression", zero_as_missing=True), None),
        ("no-missing", dict(objective="regression", use_missing=False), None),
        ("categorical", dict(objective="regression", min_data_per_group=5, cat_smooth=1.0), None),
        ("categorical-multiclass", dict(objective="multiclass", num_class=3, min_data_per_group=5, cat_smooth=1.0), classes),
        ("constant", dict(objective="regression", min_data_in_leaf=5000), None),
        ("linear-tree", dict(objective="regression", linear_tree=True), None),
    ]
    for index, (name, parameters, target) in enumerate(list_):
        categorical = "categorical" in name
        x, y, r = data(100 + index, categorical=categorical)
        group = [20] * 30 if "rank" in name else None
        d = lgb.Dataset(x, target(y) if target else y, group=group, categorical_feature=[3, 4] if categorical else [])
        rounds = (3 if parameters.get("num_class") else 6) * scale
        yield "lightgbm-" + name, lgb.train({**base, **parameters}, d, rounds), x, r, categorical


def lightgbm_thresholds(model):
    cuts = {}
    def walk(node):
        if "split_feature" in node:
            if node["decision_type"] == "<=":
                cuts.setdefault(node["split_feature"], []).append(float(node["threshold"]))
            walk(node["left_child"]); walk(node["right_child"])
    for tree in model.dump_model()["tree_info"]:
        walk(tree["tree_structure"])
    return cuts


def lightgbm_answers(out, path, name, rows):
    import lightgbm as lgb
    model = lgb.Booster(model_file=path)
    write(out, name, rows, model.predict(rows, raw_score=True), model.predict(rows))
    if name in ("lightgbm-binary", "lightgbm-categorical"):
        write_leaves(out, name, model.predict(rows, pred_leaf=True))


def make_lightgbm(out, count, scale):
    for name, model, x, r, categorical in lightgbm_models(scale):
        path = os.path.join(out, name + ".txt")
        text = model.model_to_string()
        text = text[:text.index("end of trees") + len("end of trees")] + "\n"
        if name == "lightgbm-huber":
            text = text.replace("version=v4", "version=v3")
        open(path, "w").write(text)
        if "linear" in name:
            continue  # not supported: the test wants a named error
        lightgbm_answers(out, path, name, rows_for(lightgbm_thresholds(model), x, r, count, categorical))


# ---------------------------------------------------------------- XGBoost
def xgboost_models(scale):
    import xgboost as xgb
    base = dict(max_depth=3, eta=0.3, nthread=1, seed=7, tree_method="hist", min_child_weight=1, verbosity=0)
    positive = lambda y: np.exp(0.4 * y)
    count = lambda y: np.floor(np.exp(0.6 * y))
    classes = lambda y: np.digitize(y, [-0.6, 0.6]).astype(float)
    half = lambda y: (y > 0.4).astype(float)
    unit = lambda y: 1 / (1 + np.exp(-y))
    list_ = [
        ("squarederror", dict(objective="reg:squarederror"), None), ("absoluteerror", dict(objective="reg:absoluteerror"), None),
        ("pseudohuber", dict(objective="reg:pseudohubererror"), None), ("squaredlog", dict(objective="reg:squaredlogerror"), positive),
        ("quantile", dict(objective="reg:quantileerror", quantile_alpha=[0.1, 0.5, 0.9]), None),
        ("logistic", dict(objective="reg:logistic"), unit), ("binary", dict(objective="binary:logistic"), half),
        ("binary-base", dict(objective="binary:logistic", base_score=0.137), half),
        ("logitraw", dict(objective="binary:logitraw"), half), ("hinge", dict(objective="binary:hinge"), half),
        ("poisson", dict(objective="count:poisson"), count), ("gamma", dict(objective="reg:gamma"), positive),
        ("tweedie", dict(objective="reg:tweedie"), count), ("cox", dict(objective="survival:cox"), positive),
        ("softprob", dict(objective="multi:softprob", num_class=3), classes),
        ("softmax", dict(objective="multi:softmax", num_class=3), classes),
        ("ranking", dict(objective="rank:ndcg"), lambda y: np.clip(np.round(y + 1), 0, 3)),
        ("dart", dict(objective="reg:squarederror", booster="dart", rate_drop=0.5), None),
        ("dart-softprob", dict(objective="multi:softprob", num_class=3, booster="dart", rate_drop=0.5), classes),
        ("categorical", dict(objective="reg:squarederror", max_cat_to_onehot=1), None),
        ("categorical-onehot", dict(objective="binary:logistic", max_cat_to_onehot=100), half),
        ("lossguide", dict(objective="reg:squarederror", grow_policy="lossguide", max_leaves=9, max_depth=0), None),
        ("parallel", dict(objective="binary:logistic", num_parallel_tree=2, subsample=0.6), half),
        ("pruned", dict(objective="reg:squarederror", tree_method="exact", gamma=6.0), None),
        ("targets", dict(objective="reg:squarederror"), lambda y: np.column_stack([y, y * y])),
        ("vector-leaf", dict(objective="reg:squarederror", multi_strategy="multi_output_tree"), lambda y: np.column_stack([y, y * y])),
        ("linear", dict(objective="reg:squarederror", booster="gblinear"), None),
    ]
    for index, (name, parameters, target) in enumerate(list_):
        categorical = "categorical" in name
        x, y, r = data(200 + index, categorical=categorical)
        d = xgb.DMatrix(x, target(y) if target else y, enable_categorical=categorical,
                        feature_types=["q", "q", "q", "c", "c"] if categorical else None)
        if name == "ranking":
            d.set_group([20] * 30)
        parameters = {**base, **parameters}
        if name == "linear":
            parameters.pop("tree_method")
        rounds = (2 if parameters.get("num_class") or "quantile" in name else 4) * scale
        yield "xgboost-" + name, xgb.train(parameters, d, rounds), x, r, categorical


def xgboost_thresholds(document):
    cuts = {}
    booster = document["learner"]["gradient_booster"]
    booster = booster.get("gbtree", booster)
    for tree in booster["model"]["trees"]:
        for left, feature, cut in zip(tree["left_children"], tree["split_indices"], tree["split_conditions"]):
            if left != -1 and cut == cut:
                cuts.setdefault(feature, []).append(cut)
    return cuts


def xgboost_answers(out, path, name, rows):
    import xgboost as xgb
    model = xgb.Booster(model_file=path)
    document = json.loads(model.save_raw("json").decode())
    if document["learner"]["objective"]["name"] == "multi:softmax":
        model.set_param({"objective": "multi:softprob"})  # probabilities instead of the class
    if document["learner"]["gradient_booster"]["name"] == "dart":
        # inplace_predict rounds DART's trees once more than predict does; predict refuses infinities
        rows = np.where(np.isinf(rows) | (np.abs(rows) > 3e38), 7.0, rows)
        answer = lambda margin: model.predict(xgb.DMatrix(rows), output_margin=margin)
    else:
        answer = lambda margin: model.inplace_predict(rows, predict_type="margin" if margin else "value")
    write(out, name, rows, answer(True), answer(False))
    if name in ("xgboost-pruned", "xgboost-dart"):
        write_leaves(out, name, model.predict(xgb.DMatrix(np.where(np.isinf(rows) | (np.abs(rows) > 3e38), 7.0, rows)), pred_leaf=True))


def make_xgboost(out, count, scale):
    for name, model, x, r, categorical in xgboost_models(scale):
        path = os.path.join(out, name + ".ubj")
        model.save_model(path)
        document = json.loads(model.save_raw("json").decode())
        if name in ("xgboost-vector-leaf", "xgboost-linear"):
            continue  # not supported: the test wants named errors
        rows = rows_for(xgboost_thresholds(document), x, r, count, categorical)
        if name == "xgboost-pruned":
            rows = np.where(np.isinf(rows) | (np.abs(rows) > 3e38), 7.0, rows)
        xgboost_answers(out, path, name, rows)
        if name in ("xgboost-binary", "xgboost-categorical", "xgboost-dart"):
            path = os.path.join(out, name + "-text.json")
            model.save_model(path)
            xgboost_answers(out, path, name + "-text", rows)
    for path in sorted(glob.glob(os.path.join(HERE, "old-*.ubj"))):
        import xgboost as xgb
        document = json.loads(xgb.Booster(model_file=path).save_raw("json").decode())
        x, _, r = data(300)
        rows = rows_for(xgboost_thresholds(document), x, r, count, False)
        xgboost_answers(out, path, os.path.basename(path)[:-4], rows)
    for path in sorted(glob.glob(os.path.join(HERE, "old-*.txt"))):
        import lightgbm as lgb
        x, _, r = data(301)
        rows = rows_for(lightgbm_thresholds(lgb.Booster(model_file=path)), x, r, count, False)
        lightgbm_answers(out, path, os.path.basename(path)[:-4], rows)


def make_old(out):
    """Saves one model of the library that this Python has."""
    x, y, _ = data(300)
    try:
        import xgboost as xgb
        for name, objective in (("binary", "binary:logistic"), ("softprob", "multi:softprob"), ("poisson", "count:poisson")):
            target = {"binary": y > 0.4, "softprob": np.digitize(y, [-0.6, 0.6]), "poisson": np.floor(np.exp(0.6 * y))}[name]
            parameters = dict(objective=objective, max_depth=3, eta=0.3, nthread=1, tree_method="hist")
            if name == "softprob":
                parameters.update(num_class=3)
            model = xgb.train(parameters, xgb.DMatrix(x, target.astype(float)), 2)
            model.save_model(os.path.join(out, f"old-xgboost-{xgb.__version__}-{name}.ubj"))
    except ImportError:
        import lightgbm as lgb
        model = lgb.train(dict(objective="binary", num_leaves=7, verbose=-1), lgb.Dataset(x, y > 0.4), 4)
        text = model.model_to_string()
        text = text[:text.index("end of trees") + len("end of trees")] + "\n"
        open(os.path.join(out, f"old-lightgbm-{lgb.__version__}-binary.txt"), "w").write(text)


def make_functions(out):
    libm = ctypes.CDLL("libm.so.6")
    libm.exp.restype, libm.exp.argtypes = ctypes.c_double, [ctypes.c_double]
    for f in (libm.expf, libm.logf):
        f.restype, f.argtypes = ctypes.c_float, [ctypes.c_float]
    r = np.random.default_rng(5)
    special = [0.0, -0.0, 1.0, -1.0, 88.72283, 88.72284, -103.97, -103.98, -87.4, 709.78, 709.79, -745.1, -745.2,
               -708.5, -740.0, 1e-20, 5e-324, 512.0, 600.0, -600.0, math.inf, -math.inf, 1e-45, 1e-40, 0.5, 2.0]
    # arguments at which a form without fused multiply-add would answer other bits
    hard = [-202.5102758688166, -3.219119891954567, 480.63600444593686, -1.8592235316347443, 613.383501277474,
            0.45889304300787304, -13.284585795976355, 1.1989241396327963, -16.655811487458855, -1.5775594743742847,
            -63.09946060180664]
    with open(os.path.join(out, "functions.golden"), "w") as f:
        for x in special + hard + list(r.normal(size=120) * 3) + list(r.uniform(-760, 760, size=80)) + list(np.exp(r.uniform(-95, 85, size=60))):
            s = float(np.float32(x))
            log = libm.logf(s) if s > 0 or s == 0 else math.nan
            f.write(f"{bits([x, libm.exp(x), s, libm.expf(s), log])}\n")


# ---------------------------------------------------------------- both
def make_contributions(out, count=6):
    """Explains some rows of every golden model: two real ones, the others among the edges."""
    import lightgbm as lgb
    import xgboost as xgb
    for path in sorted(glob.glob(os.path.join(out, "*.golden"))):
        name = path[:-len(".golden")]
        lines = open(path).read().split("\n")[:-1]
        if os.path.basename(name) == "functions":
            continue
        rows = np.array([[struct.unpack(">d", bytes.fromhex(word))[0] for word in line.split(";")[0].split(",")]
                         for line in lines])
        numbers = [0, 1, *range(len(rows) // 3, len(rows))]
        base = os.path.basename(name)
        model = next(model for folder in (out, HERE) for model in sorted(glob.glob(os.path.join(folder, base + ".*")))
                     if model.endswith((".txt", ".ubj", ".json")))
        if model.endswith(".txt"):
            answer = lambda rows: lgb.Booster(model_file=model).predict(rows, pred_contrib=True)
        else:
            # an XGBoost matrix refuses infinities, f32's too
            numbers = [number for number in numbers if not (np.abs(rows[number]) > 3.402e38).any()]
            answer = lambda rows: xgb.Booster(model_file=model).predict(xgb.DMatrix(rows), pred_contribs=True)
        numbers = numbers[:count]
        with open(name + ".contributions", "w") as f:
            for number, contributions in zip(numbers, answer(rows[numbers])):
                f.write(f"{number};{bits(contributions)}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=20)
    parser.add_argument("--scale", type=int, default=1)
    parser.add_argument("--out", default=HERE)
    parser.add_argument("--old", action="store_true")
    parser.add_argument("--contributions", action="store_true")
    arguments = parser.parse_args()
    os.makedirs(arguments.out, exist_ok=True)
    if arguments.old:
        make_old(arguments.out)
    elif arguments.contributions:
        make_contributions(arguments.out)
    else:
        make_functions(arguments.out)
        make_lightgbm(arguments.out, arguments.rows, arguments.scale)
        make_xgboost(arguments.out, arguments.rows, arguments.scale)
        make_contributions(arguments.out)
