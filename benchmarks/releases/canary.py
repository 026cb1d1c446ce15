"""A canary that blocks everything has to be stopped by its guardrail."""

import threading

from benchmarks.lone_worker import told
from benchmarks.releases.stage import BLOCKS_EVERYTHING, Stage
from fraudstream.adapters.releases.guarding import Judged, guarded
from fraudstream.domain.releases.guardrails import Limits
from fraudstream.domain.releases.release_log import Action

PATIENCE_S = 60.0
AT_ONCE = 2_000


def canary_stopped(stage: Stage) -> bool:
    """Let it decide a tenth of the cards; tell whether it was stopped in time."""
    operator, ended = stage.operator, list[Judged]()
    with stage.worker.started() as child:
        operator.applied(operator.do(BLOCKS_EVERYTHING, Action.CANARY, 0.1))
        told("a canary that blocks everything")

        def guard() -> None:
            ended.append(operator.run(guarded(stage.settings, operator.store, Limits(), PATIENCE_S)))

        watching = threading.Thread(target=guard)
        watching.start()
        while watching.is_alive():
            stage.worker.send(stage.payments.next(AT_ONCE)[0])
            stage.worker.wait(child, stage.payments.made)
            watching.join(0.5)
        if not ended or not ended[0].why:
            return False
        operator.applied(operator.do(BLOCKS_EVERYTHING, Action.STOP))
    return True
