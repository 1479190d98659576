"""The controller: a Keras LSTM that draws an encoding of decisions and gives the probability of any encoding.

At step t it reads the embedding of the previous action and gives logits over the choices of decision t (Zoph & Le
2017, https://arxiv.org/abs/1611.01578, section 3.1). One model serves every space. How it learns is `ppo/ppo.py`'s.

Legend: `B` batch, `T` decisions, `N` the largest number of choices.
"""

from collections.abc import Sequence

import numpy as np

from nas_keras._tensorflow import tf
from nas_keras.controller.graph import graph_method
from nas_keras.controller.lstm import FusedLSTM

MASKED = -1e9  # logit of a choice that a decision does not have: its probability is exactly 0 in single precision
_UNROLL = 16  # decisions up to which sampling is unrolled in the graph: faster to run, slower to trace


class Controller(tf.keras.Model):
    """An LSTM over decisions.

    Args:
        num_choices: of each decision, [T].
        units: of the LSTM.
        embedding: size of an action's embedding.
        seed: of the initial weights.

    Attributes:
        even: probabilities of a policy that draws every decision uniformly, a NumPy array, float32 [T, N].
    """

    def __init__(self, num_choices: Sequence[int], *, units: int = 32, embedding: int = 16, seed: int = 0):
        super().__init__(name="controller")
        num_decisions, widest = len(num_choices), max(num_choices)
        seeds = np.random.SeedSequence(seed).generate_state(4).tolist()
        # Row 0 is the start; each choice of each decision has a row of its own, but for the last, which nothing reads.
        self._offsets = tf.constant(np.cumsum([1, *num_choices[:-1]]), tf.int32)  # [T]
        self._embedding = tf.keras.layers.Embedding(
            1 + sum(num_choices[:-1]), embedding, embeddings_initializer=_uniform(0.1, seeds[0])
        )
        self._lstm = FusedLSTM(
            units,
            kernel_initializer=tf.keras.initializers.GlorotUniform(seeds[1]),
            recurrent_initializer=tf.keras.initializers.Orthogonal(seed=seeds[2]),
        )
        # A softmax of its own for each decision. The small start gives an almost uniform first policy.
        self._kernel = self.add_weight(
            name="head_kernel", shape=(num_decisions, units, widest), initializer=_uniform(0.01, seeds[3])
        )
        self._bias = self.add_weight(name="head_bias", shape=(num_decisions, widest), initializer="zeros")
        exists = np.arange(widest) < np.asarray(num_choices)[:, None]  # [T, N]
        self.even = (exists / np.asarray(num_choices)[:, None]).astype(np.float32)
        self._mask = tf.constant(np.where(exists, 0.0, MASKED), tf.float32)
        self._num_decisions = num_decisions
        self(tf.zeros([1, num_decisions], tf.int32))  # creates the weights

    def call(self, actions):
        """Logits of every decision, given the actions before it: int32 [B, T] -> float32 [B, T, N]."""
        start = tf.zeros_like(actions[:, :1])
        tokens = tf.concat([start, actions[:, :-1] + self._offsets[:-1]], axis=1)  # [B, T]
        hidden = self._lstm(tf.transpose(self._embedding(tokens), [1, 0, 2]))  # [T, B, units]
        return tf.transpose(tf.matmul(hidden, self._kernel), [1, 0, 2]) + (self._bias + self._mask)

    def log_probs(self, actions):
        """Log-probability of each decision of given encodings: int32 [B, T] -> float32 [B, T]."""
        actions = tf.cast(actions, tf.int32)
        return _pick(tf.nn.log_softmax(self(actions)), actions)

    def sample(self, batch_size, seed, share=0.0, other=None):
        """Draws encodings from the policy, or from it with some decisions drawn from another distribution.

        Args:
            batch_size: B, a scalar.
            seed: int32 [2]; the same seed and weights give the same encodings.
            share: each decision is drawn from `other` with this probability, of all encodings or of each, [B]; those
                after it follow on what was drawn.
            other: probabilities of each decision's choices, float32 [T, N]; by default they are uniform.

        Returns:
            actions int32 [B, T] and log_probs float32 [B, T], of each decision.
        """
        other = self.even if other is None else other
        share = np.reshape(share, [-1, 1]).astype(np.float32)  # [B, 1] or [1, 1]
        return self._sample(tf.constant(batch_size), tf.constant(seed), tf.constant(share), tf.constant(other))

    @graph_method(
        tf.TensorSpec([], tf.int32),
        tf.TensorSpec([2], tf.int32),
        tf.TensorSpec([None, 1], tf.float32),
        tf.TensorSpec([None, None], tf.float32),
    )
    def _sample(self, batch_size, seed, share, other):
        weights, bias = self._lstm.fused_weights(), self._bias + self._mask
        widest = self.even.shape[1]
        numbers = tf.random.stateless_uniform([self._num_decisions, batch_size, 1], seed)  # at most 1 - 2^-23

        def draw(t, prefix, tokens, states, actions, probabilities):
            # Encodings with the same prefix share a row of the LSTM, [U]: `prefix` [B] says which.
            hidden, states = self._lstm.step(self._embedding(tokens), states, weights)
            policy = tf.gather(tf.nn.softmax(tf.matmul(hidden, self._kernel[t]) + bias[t]), prefix)  # [B, N]
            mixed = (1.0 - share) * policy + share * other[t]
            sums = tf.cumsum(mixed, axis=1)
            # The first whose sum exceeds a share of the total: never one of probability 0, however sums are rounded.
            action = tf.argmax(sums > numbers[t] * sums[:, -1:], axis=1, output_type=tf.int32)  # [B]
            actions = actions.write(t, action)
            probabilities = probabilities.write(t, _pick(mixed, action))
            longer, prefix = tf.unique(prefix * widest + action)
            states = tuple(tf.gather(state, longer // widest) for state in states)
            return t + 1, prefix, longer % widest + self._offsets[t], states, actions, probabilities

        state = (
            0,
            tf.zeros([batch_size], tf.int32),
            tf.zeros([1], tf.int32),
            self._lstm.zero_states(1),
            tf.TensorArray(tf.int32, self._num_decisions),
            tf.TensorArray(tf.float32, self._num_decisions),
        )
        if self._num_decisions <= _UNROLL:
            for _ in range(self._num_decisions):
                state = draw(*state)
        else:
            scalar, vector, matrix = tf.TensorShape([]), tf.TensorShape([None]), tf.TensorShape([None, None])
            shapes = scalar, vector, vector, (matrix, matrix), scalar, scalar
            state = tf.while_loop(lambda t, *_: t < self._num_decisions, draw, state, shapes)
        *_, actions, probabilities = state
        # By way of float32, exact here: oneDNN complains on stderr of a transposition of integers.
        actions = tf.cast(tf.transpose(tf.cast(actions.stack(), tf.float32)), tf.int32)
        return actions, tf.transpose(tf.math.log(probabilities.stack()))


def mix(log_probs: np.ndarray, actions: np.ndarray, share: float, other: np.ndarray) -> np.ndarray:
    """Log-probs float32 [B, T] of encodings [B, T] where a share of the decisions is of another distribution.

    Args:
        log_probs: under the policy, [B, T].
        actions: the encodings.
        share: of the decisions, from 0 to 1.
        other: the other distribution, as for `Controller.sample`.
    """
    if not share:
        return log_probs
    others = other[np.arange(other.shape[0]), actions]  # [B, T]
    with np.errstate(divide="ignore"):
        return np.logaddexp(log_probs + np.log1p(-share), np.log(share * others)).astype(np.float32)


def _pick(values, actions):
    """Entries of the last axis: [..., N] at int32 [...] -> [...]."""
    return tf.gather(values, actions, axis=-1, batch_dims=actions.shape.rank)


def _uniform(limit: float, seed: int):
    return tf.keras.initializers.RandomUniform(-limit, limit, seed=seed)
