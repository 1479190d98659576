"""The loss of PPO: the clipped policy loss of TF-Agents' `PPOClipAgent`, applied to the controller.

    loss = -mean(min(r A, clip(r, 1 - epsilon, 1 + epsilon) A)) - c mean(S),   r = pi_theta(a) / pi_old(a)

TF-Agents sees a whole encoding as one action vector [T] of a one-step episode. The observation is the encoding too,
since the LSTM reads the actions before each decision.

Legend: `m` trials in a mini-batch, `R` replicas, `T` decisions, `N` the largest number of choices.
"""

from collections.abc import Sequence

import numpy as np

from nas_keras._tensorflow import apply_gradients, load_tf_agents, tf

load_tf_agents()

import tensorflow_probability as tfp  # noqa: E402  (after the choice of Keras)
from tf_agents.agents.ppo import ppo_clip_agent  # noqa: E402
from tf_agents.networks import network, value_network  # noqa: E402
from tf_agents.specs import tensor_spec  # noqa: E402
from tf_agents.trajectories import time_step as ts  # noqa: E402

_MOST_LOG_RATIO = 20.0
_MOST_NORM = 10.0  # of the gradient; in searches of 200 evaluations it is at most 4


class PPOLoss:
    """The clipped policy loss and the entropy loss of `tf_agents.agents.PPOClipAgent`, on a Keras controller.

    Args:
        controller: maps encodings int32 [m, T] to logits float32 [m, T, N].
        num_choices: number of choices of each decision, [T].
        optimizer: a legacy Keras optimizer, built for the controller's variables.
        clip: epsilon.
        entropy: c, the weight of the entropy.
    """

    METRICS = ("policy_loss", "entropy_loss", "entropy", "kl", "clip_fraction")

    def __init__(self, controller, num_choices: Sequence[int], optimizer, *, clip: float, entropy: float):
        self._controller, self._optimizer, self._clip = controller, optimizer, clip
        # Limits are arrays, since TF-Agents builds its networks on a random sample of this spec; it refuses int64.
        limits = np.zeros(len(num_choices), np.int32), np.array(num_choices, np.int32) - 1
        self._spec = tensor_spec.BoundedTensorSpec([len(num_choices)], tf.int32, *limits, name="actions")
        # Every setting is written out, since TF-Agents' defaults do not clip, and rescale rewards.
        self._agent = ppo_clip_agent.PPOClipAgent(
            ts.time_step_spec(self._spec),
            self._spec,
            optimizer=tf.keras.optimizers.Adam(),  # required, but never used here
            actor_net=_PolicyNetwork(controller, self._spec),
            value_net=value_network.ValueNetwork(self._spec, preprocessing_layers=_as_float(), fc_layer_params=()),
            importance_ratio_clipping=clip,
            entropy_regularization=entropy,
            normalize_rewards=False,
            normalize_observations=False,
            num_epochs=1,
            use_gae=False,
            log_prob_clipping=0.0,
            compute_value_and_advantage_in_train=False,
            update_normalizers_in_train=False,
            aggregate_losses_across_replicas=True,
        )

    def compute(self, actions, old_log_probs, advantages, weights):
        """Computes the loss of one replica's part of a mini-batch.

        Args:
            actions: int32 [m, T].
            old_log_probs: log pi_old of whole encodings, float32 [m].
            advantages: float32 [m].
            weights: weights of the trials in the mean, float32 [m].

        Returns:
            The loss, a scalar, and a dict of the METRICS, scalars.
        """
        distribution = self._distribution_of(actions)
        log_probs = distribution.log_prob(actions)  # [m]
        # r stays a finite number, also where a long search has made a probability vanish.
        now = tf.stop_gradient(log_probs)
        old_log_probs = tf.clip_by_value(old_log_probs, now - _MOST_LOG_RATIO, now + _MOST_LOG_RATIO)
        steps = _time_steps(actions)
        arguments = steps, actions, old_log_probs, advantages, distribution, weights
        policy_loss = _plain(self._agent.policy_gradient_loss)(*arguments)
        entropy = distribution.entropy()  # [m]
        entropy_loss = _plain(self._agent.entropy_regularization_loss)(steps, entropy, weights)
        log_ratio = log_probs - old_log_probs  # [m]
        outside = tf.cast(tf.abs(tf.exp(log_ratio) - 1.0) > self._clip, tf.float32)
        metrics = {
            "policy_loss": policy_loss,
            "entropy_loss": entropy_loss,
            "entropy": _mean(entropy, weights),
            # (r - 1) - log r: unbiased and never negative (http://joschu.net/blog/kl-approx.html).
            "kl": _mean(tf.math.expm1(log_ratio) - log_ratio, weights),
            "clip_fraction": _mean(outside, weights),
        }
        return policy_loss + entropy_loss, metrics

    def step(self, distribution, actions, old_log_probs, advantages):
        """Takes one step on one mini-batch, split over the replicas. Call it inside a `tf.function`.

        The size of the mini-batch must be known at tracing, since handling unknown shapes would take a third of the
        graph's operations.

        Args:
            distribution: the `tf.distribute` strategy of the controller.
            actions: int32 [m, T].
            old_log_probs: float32 [m].
            advantages: float32 [m].

        Returns:
            A dict of the METRICS, scalars.
        """
        num_replicas = distribution.num_replicas_in_sync
        size = actions.shape[0]
        replica_size = (size + num_replicas - 1) // num_replicas

        def replica_step():
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            mine = replica * replica_size + tf.range(replica_size)
            # Every replica takes equally many trials; indices past the end get weight 0, and the others more than 1.
            weights = tf.where(mine < size, 1.0, 0.0) * (replica_size * num_replicas / size)
            mine = tf.minimum(mine, size - 1)
            with tf.GradientTape() as tape:
                loss, metrics = self.compute(
                    tf.gather(actions, mine), tf.gather(old_log_probs, mine), tf.gather(advantages, mine), weights
                )
            variables = self._controller.trainable_variables
            # The embedding's gradient is a tf.IndexedSlices; once dense, one kernel applies them all.
            gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)]
            # A negative advantage leaves r unbounded above: one such step must not spoil Adam's averages for good.
            gradients, _ = tf.clip_by_global_norm(gradients, _MOST_NORM)
            apply_gradients(self._optimizer, gradients, variables)
            return metrics

        metrics = distribution.run(replica_step)
        # TF-Agents has already divided every mean by the number of replicas.
        return {name: distribution.reduce("SUM", value, axis=None) for name, value in metrics.items()}

    def _distribution_of(self, actions):
        return tfp.distributions.Independent(tfp.distributions.Categorical(self._controller(actions)), 1)


class _PolicyNetwork(network.Network):
    """The controller as TF-Agents' actor network: encodings [m, T] -> a distribution over encodings."""

    def __init__(self, controller, spec):
        super().__init__(input_tensor_spec=spec, state_spec=(), name="PolicyNetwork")
        self._controller = controller

    def call(self, observation, step_type=None, network_state=(), training=False):
        del step_type, training
        logits = self._controller(observation)
        return tfp.distributions.Independent(tfp.distributions.Categorical(logits), 1), network_state


def _time_steps(actions):
    size = tf.shape(actions)[0]
    return ts.TimeStep(
        step_type=tf.fill([size], ts.StepType.FIRST),
        reward=tf.zeros([size]),
        discount=tf.ones([size]),
        observation=actions,
    )


def _mean(values, weights):
    """Returns this replica's contribution to the mean over all replicas."""
    total = tf.reduce_mean(values * weights)
    return total / tf.cast(tf.distribute.get_strategy().num_replicas_in_sync, tf.float32)


def _plain(function):
    # AutoGraph is slow and would find nothing to rewrite in TF-Agents' code.
    return tf.autograph.experimental.do_not_convert(function)


def _as_float():
    return tf.keras.layers.Lambda(lambda actions: tf.cast(actions, tf.float32))
