"""The stages of training as an Airflow DAG (3.x), a task each: a stage that fails is tried again alone.

Every task runs `klinecast-trainer STAGE`. The stages leave what the next one needs in the home, so all tasks of a run see
one folder: one worker, or a shared volume. Settings come from the worker's environment: KLINECAST_HOME, DB_URL (a
secret of the worker's, never an Airflow variable), KLINECAST_LIGHTGBM, KLINECAST_XGBOOST.
"""

from datetime import datetime, timedelta, timezone

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

# In their order. Publishing demands both certificates; promoting is the last word, and may be left to a person.
STAGES = {
    "ingest": "ingest --rest-url https://data-api.binance.vision --days 1095",
    "quality": "quality",
    "features": "features",
    "validate": "validate",
    "version": "version",
    "audit_causality": "audit causality",
    "train": "train",
    "evaluate": "evaluate",
    "audit_parity": "audit parity --trained",
    "publish": "publish",
    "promote": "promote",
}

with DAG(
    dag_id="klinecast_training",
    description="Klines in, a proven and published bundle out; the servers take it up within seconds",
    schedule="30 1 * * 0",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    # Two runs would fill one folder.
    max_active_runs=1,
    default_args={"retries": 1, "retry_delay": timedelta(minutes=5), "execution_timeout": timedelta(hours=3)},
    tags=["klinecast"],
) as dag:
    before = None
    for name, stage in STAGES.items():
        task = BashOperator(task_id=name, bash_command=f"klinecast-trainer {stage} --json", append_env=True)
        if before is not None:
            before >> task
        before = task
