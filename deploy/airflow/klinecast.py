"""The stages of training as an Airflow DAG (3.x): a stage that fails is tried again alone, and boosters are fitted side by side.

Every task runs `klinecast-trainer STAGE`. The stages leave what the next one needs in the home, so all tasks of a run see
one folder: one worker, or a shared volume. Each task of the group `boosters` fits one task's boosters of one library; `train`
takes them up and fits what is missing, so that the bundle is the same as from `klinecast-trainer run`.

Settings come from the worker's environment: KLINECAST_HOME, DB_URL (a secret of the worker's, never an Airflow variable),
KLINECAST_LIGHTGBM, KLINECAST_XGBOOST; and further words for the stages: KLINECAST_INGEST, KLINECAST_TRAIN (windows, folds,
seed: one for all boosters), KLINECAST_EVALUATE, KLINECAST_PROMOTE.
"""

from datetime import datetime, timedelta, timezone

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, TaskGroup

# In their order. A model is judged once: status 3 says that it does not pass its gates, and the same again would say the same.
BEFORE = {
    "ingest": "ingest ${KLINECAST_INGEST:---rest-url https://data-api.binance.vision --days 1095}",
    "quality": "quality",
    "validate": "validate",
    "version": "version",
    "audit_causality": "audit causality",
}
AFTER = {
    "train": "train $KLINECAST_TRAIN",
    "evaluate": "evaluate $KLINECAST_EVALUATE",
    "audit_parity": "audit parity --trained",
    "publish": "publish",
    "promote": "promote $KLINECAST_PROMOTE",
}
TASKS = (
    "return_1step",
    "return_4step",
    "return_16step",
    "direction_4step",
    "direction_multi_4step",
    "volatility_4step",
    "vol_regime_4step",
)
LIBRARIES = ("lightgbm", "xgboost")
# A server that serves the same home brings klines in meanwhile: every task of a run works on those until it was due.
ENVIRONMENT = {"KLINECAST_KLINES_UNTIL": "{{ (dag_run.run_after or dag_run.start_date).isoformat() }}"}


def stage(name, words):
    """Makes the task of one stage."""
    retries = 0 if name == "promote" else 1
    return BashOperator(
        task_id=name,
        bash_command=f"klinecast-trainer {words} --json",
        env=ENVIRONMENT,
        append_env=True,
        retries=retries,
    )


with DAG(
    dag_id="klinecast_training",
    description="Klines in, a proven and published bundle out; the servers take it up within seconds",
    schedule="30 1 * * 0",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    # Two runs would fill one folder.
    max_active_runs=1,
    # Each makes all rows for itself: some memory, and 1.6 GB of disk for ten pairs and four years.
    max_active_tasks=4,
    default_args={"retry_delay": timedelta(minutes=5), "execution_timeout": timedelta(hours=3)},
    tags=["klinecast"],
) as dag:
    previous = None
    for name, words in BEFORE.items():
        task = stage(name, words)
        if previous is not None:
            previous >> task
        previous = task
    with TaskGroup(group_id="boosters") as boosters:
        for task_name in TASKS:
            for library in LIBRARIES:
                stage(f"{task_name}_{library}", f"train --task {task_name} --library {library} $KLINECAST_TRAIN")
    previous >> boosters
    previous = boosters
    for name, words in AFTER.items():
        task = stage(name, words)
        previous >> task
        previous = task
