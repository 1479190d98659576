"""The controller: an LSTM policy pi_theta over the encodings a_1, ..., a_T of a search space.

The controller writes an encoding one decision at a time (Zoph & Le 2017, https://arxiv.org/abs/1611.01578, section
3.1). At step t the LSTM reads the embedding of the previous action, and decision t has a softmax of its own:

    h_t = LSTM(embed(a_{t-1}), h_{t-1})
    pi_theta(a_t | a_{<t}) = softmax(W_t h_t + b_t)[a_t]
    log pi_theta(a) = sum_{t=1}^T log pi_theta(a_t | a_{<t})

a_0 is a start token. Logits are padded to the largest number of choices and masked, so that a choice that a decision
does not have has probability 0. The controller knows a space only by its numbers of choices; one class serves them all.

    controller(actions)             int32 [B, T] -> logits float32 [B, T, N]
    controller.log_probs(actions)   int32 [B, T] -> log pi_theta(a_t | a_{<t}), float32 [B, T]
    controller.sample(B, seed)      -> actions int32 [B, T] and their log-probs float32 [B, T]

How theta is learned is left to the strategies (`strategies/ppo/ppo.py`, `strategies/reinforce.py`).

Legend: `B` encodings in a batch, `T` decisions, `N` the largest number of choices, `U` units of the LSTM.
"""

from collections.abc import Sequence

import numpy as np

from nas_keras._tensorflow import tf
from nas_keras.controller.graph import graph_method
from nas_keras.controller.lstm import FusedLSTM

MASKED = -1e9  # logit of a choice that a decision does not have: its probability is exactly 0 in single precision
_MAX_UNROLLED = 16  # decisions up to which sampling is unrolled in the graph: faster to run, slower to trace


class Controller(tf.keras.Model):
    """An LSTM policy over the encodings of a space.

    Args:
        num_choices: number of choices of each decision, [T].
        units: size of the LSTM's state, U.
        embedding: size of an action's embedding.
        seed: seed of the initial weights.
    """

    def __init__(self, num_choices: Sequence[int], *, units: int = 32, embedding: int = 16, seed: int = 0):
        super().__init__(name="controller")
        num_decisions, widest = len(num_choices), max(num_choices)
        seeds = np.random.SeedSequence(seed).generate_state(4).tolist()
        # Row 0 embeds the start token. Every choice of every decision but the last has a row of its own; no step reads
        # the last action.
        self._offsets = tf.constant(np.cumsum([1, *num_choices[:-1]]), tf.int32)  # [T]
        self._embedding = tf.keras.layers.Embedding(
            1 + sum(num_choices[:-1]), embedding, embeddings_initializer=_uniform(0.1, seeds[0])
        )
        self._lstm = FusedLSTM(
            units,
            kernel_initializer=tf.keras.initializers.GlorotUniform(seeds[1]),
            recurrent_initializer=tf.keras.initializers.Orthogonal(seed=seeds[2]),
        )
        # W [T, U, N] and b [T, N]. Small initial values make the first policy almost uniform.
        self._kernel = self.add_weight(
            name="head_kernel", shape=(num_decisions, units, widest), initializer=_uniform(0.01, seeds[3])
        )
        self._bias = self.add_weight(name="head_bias", shape=(num_decisions, widest), initializer="zeros")
        exists = np.arange(widest) < np.asarray(num_choices)[:, None]  # [T, N]
        self._mask = tf.constant(np.where(exists, 0.0, MASKED), tf.float32)
        self._num_decisions = num_decisions
        self(tf.zeros([1, num_decisions], tf.int32))  # creates the weights

    def call(self, actions):
        """Returns the logits of every decision given the actions before it: int32 [B, T] -> float32 [B, T, N]."""
        start = tf.zeros_like(actions[:, :1])
        tokens = tf.concat([start, actions[:, :-1] + self._offsets[:-1]], axis=1)  # [B, T]
        hidden = self._lstm(tf.transpose(self._embedding(tokens), [1, 0, 2]))  # [T, B, U]
        return tf.transpose(tf.matmul(hidden, self._kernel), [1, 0, 2]) + (self._bias + self._mask)

    def log_probs(self, actions):
        """Returns the log-probability of each decision of given encodings: int32 [B, T] -> float32 [B, T]."""
        actions = tf.cast(actions, tf.int32)
        return _gather_last(tf.nn.log_softmax(self(actions)), actions)

    def sample(self, batch_size, seed):
        """Samples encodings from the policy.

        Args:
            batch_size: B, a scalar.
            seed: int32 [2]; the same seed and weights give the same encodings.

        Returns:
            actions, int32 [B, T], and the log-probability of each decision, float32 [B, T].
        """
        return self._sample(tf.constant(batch_size), tf.constant(seed))

    @graph_method(tf.TensorSpec([], tf.int32), tf.TensorSpec([2], tf.int32))
    def _sample(self, batch_size, seed):
        weights, bias = self._lstm.fused_weights(), self._bias + self._mask
        widest = self._mask.shape[1]
        uniform = tf.random.stateless_uniform([self._num_decisions, batch_size, 1], seed)  # at most 1 - 2^-23

        def sample_decision(t, prefix, tokens, states, actions, probs):
            # Encodings that begin alike share one row of the LSTM's states; `prefix` [B] is the row of each encoding.
            hidden, states = self._lstm.step(self._embedding(tokens), states, weights)
            policy = tf.gather(tf.nn.softmax(tf.matmul(hidden, self._kernel[t]) + bias[t]), prefix)  # [B, N]
            cumulative = tf.cumsum(policy, axis=1)
            # The first choice whose cumulative probability exceeds a random fraction of the total. However the sums
            # are rounded, this is never a choice of probability 0.
            action = tf.argmax(cumulative > uniform[t] * cumulative[:, -1:], axis=1, output_type=tf.int32)  # [B]
            actions = actions.write(t, action)
            probs = probs.write(t, _gather_last(policy, action))
            longer, prefix = tf.unique(prefix * widest + action)
            states = tuple(tf.gather(state, longer // widest) for state in states)
            return t + 1, prefix, longer % widest + self._offsets[t], states, actions, probs

        loop_vars = (
            0,
            tf.zeros([batch_size], tf.int32),
            tf.zeros([1], tf.int32),
            self._lstm.zero_states(1),
            tf.TensorArray(tf.int32, self._num_decisions),
            tf.TensorArray(tf.float32, self._num_decisions),
        )
        if self._num_decisions <= _MAX_UNROLLED:
            for _ in range(self._num_decisions):
                loop_vars = sample_decision(*loop_vars)
        else:
            scalar, vector, matrix = tf.TensorShape([]), tf.TensorShape([None]), tf.TensorShape([None, None])
            shapes = scalar, vector, vector, (matrix, matrix), scalar, scalar
            loop_vars = tf.while_loop(lambda t, *_: t < self._num_decisions, sample_decision, loop_vars, shapes)
        *_, actions, probs = loop_vars
        # oneDNN complains on stderr about transposing integers, so they are transposed as float32, which is exact here.
        actions = tf.cast(tf.transpose(tf.cast(actions.stack(), tf.float32)), tf.int32)
        return actions, tf.transpose(tf.math.log(probs.stack()))


def _gather_last(values, actions):
    """Gathers one entry of the last axis for each action: [..., N], int32 [...] -> [...]."""
    return tf.gather(values, actions, axis=-1, batch_dims=actions.shape.rank)


def _uniform(limit: float, seed: int):
    return tf.keras.initializers.RandomUniform(-limit, limit, seed=seed)
