"""The boosters of a bundle, each in its own library and on one thread."""

import lightgbm
import xgboost


def boosters(folder):
    models = {}
    for path in sorted(folder.glob("boosters/*")):
        task = path.name.split(".")[0]
        if path.name.endswith(".lightgbm.txt"):
            models[task, "lightgbm"] = lightgbm.Booster(model_file=str(path))
        else:
            model = xgboost.Booster()
            model.load_model(str(path))
            model.set_param({"nthread": 1})
            models[task, "xgboost"] = model
    return models


def answer(model, row):
    """What a booster says about a row."""
    if isinstance(model, lightgbm.Booster):
        return model.predict(row, num_threads=1)
    return model.inplace_predict(row)
