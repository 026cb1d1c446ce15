"""Why a model gave an archived event its score: TreeSHAP of the model that decided then, in Fraud Detector's words."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from fraudstream.adapters.models.boosted import XGBoostModel
from fraudstream.adapters.models.files import load_model
from fraudstream.adapters.models.registry import Registry
from fraudstream.api.fraud_detector.shapes import Body
from fraudstream.api.fraud_detector.training_result import fields_of
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType

MODELS_KEPT = 4
IMPACT_MAX = 5.0
"""Of the feature that moved the score most."""


class Explanations:
    """Explains scores by the versions of a registry."""

    def __init__(self, registry: Registry, event_type: EventType) -> None:
        self._registry, self._event_type = registry, event_type
        self._loaded = lru_cache(MODELS_KEPT)(self._load)

    def of(self, row: Mapping[str, Any]) -> Body | None:
        """Return the explanation of an archived event; None if the model that decided it is not there any more."""
        try:
            model = self._loaded(str(row["model_version"]))
        except SetupError:
            return None
        odds = model.contributions(self._input(model, row))[0, :-1].astype(float)
        largest = float(np.abs(odds).max()) or 1.0
        single: list[Body] = []
        aggregated: list[Body] = []
        made_of = {one.name: one.variable for one in model.inputs.each}
        fields = fields_of(self._event_type)
        for name, value in sorted(
            zip(model.features, odds.tolist(), strict=True), key=lambda each: -abs(each[1])
        ):
            variable = made_of.get(name, name)
            impact = {"relativeImpact": f"{IMPACT_MAX * abs(value) / largest:.1f}", "logOddsImpact": value}
            if variable in fields:
                single.append({"eventVariableName": fields[variable], **impact})
            else:
                aggregated.append({"eventVariableNames": [variable], **impact})
        return {
            "variableImpactExplanations": single,
            "aggregatedVariablesImpactExplanations": aggregated,
        }

    def _load(self, model_version: str) -> XGBoostModel:
        number = model_version.rpartition("-")[2]
        model = load_model(self._registry, number)
        if model.version != model_version:
            raise SetupError(f"model {model_version} is not of this registry")
        return model

    @staticmethod
    def _input(model: XGBoostModel, row: Mapping[str, Any]) -> Any:
        made = {one.name: one.of(row.get(one.variable)) for one in model.inputs.each}
        numbers = [made[name] if name in made else row.get(name) for name in model.features]
        return np.array([[np.nan if each is None else float(each) for each in numbers]], np.float32)
