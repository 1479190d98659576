"""Base class of the strategies that learn a controller: the LSTM, its optimizer, samples, and the state of both.

How the controller learns from a batch is left to each strategy (`ppo/ppo.py`, `reinforce.py`).
"""

import numpy as np

from nas_keras._tensorflow import NONE, make_distribution, tf
from nas_keras.controller.controller import Controller
from nas_keras.controller.graph import release_graphs
from nas_keras.spaces.search_space import SearchSpace
from nas_keras.strategies.base import State, Strategy
from nas_keras.trial import Proposals

SAMPLE = 3  # purpose of the random generator


class ControllerStrategy(Strategy):
    """Proposes samples of its controller; a subclass implements `_tell`.

    Args:
        space: the space to search.
        config: settings, among them `units`, `embedding` and `learning_rate`.
        seed: seed of initial weights and samples.
        distribute: placement of the controller, see `make_distribution`.

    Attributes:
        controller: the policy.
    """

    def __init__(self, space: SearchSpace, config, *, seed: int, distribute: str = NONE):
        super().__init__(space, seed=seed)
        self.config = config
        release_graphs()  # those of earlier controllers
        self._distribution = make_distribution(distribute)
        with self._distribution.scope():
            self.controller = Controller(space.num_choices, units=config.units, embedding=config.embedding, seed=seed)
            # The legacy class has a fused kernel for the same update: steps and tracing are faster.
            self._optimizer = tf.keras.optimizers.legacy.Adam(config.learning_rate)
            # Its variables belong to the state from the start; Keras has no public way to create them before a step.
            self._optimizer._create_all_weights(self.controller.trainable_variables)

    def _ask(self, n: int, iteration: int) -> Proposals:
        return Proposals(*self._sample(n, np.random.default_rng([self.seed, SAMPLE, iteration])))

    def _sample(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Samples encodings of the policy, which may repeat, int32 [C, T], and their log-probs, float32 [C, T]."""
        actions, log_probs = self.controller.sample(count, rng.integers(2**31, size=2).astype(np.int32))
        return actions.numpy(), log_probs.numpy()

    def _variables(self) -> list:
        return [*self.controller.variables, *self._optimizer.variables()]

    def _state(self) -> State:
        return {f"variable_{i}": np.array(variable) for i, variable in enumerate(self._variables())}  # copies

    def _restore(self, state: State) -> None:
        for i, variable in enumerate(self._variables()):
            variable.assign(state[f"variable_{i}"])
