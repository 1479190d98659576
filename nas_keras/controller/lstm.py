"""Keras' LSTM layer on TensorFlow's fused kernel: one operation for a whole sequence instead of a dozen per step.

In a network as small as the controller, starting an operation takes longer than computing it. PPO's ask and tell of
eight cells take 12.2 ms with this layer and 14.8 ms with `tf.keras.layers.LSTM` (medians of six alternating runs on 2
cores). The kernel and its gradient exist for CPUs and GPUs.

Legend: `B` batch, `T` steps, `U` units, `F` input features.
"""

from nas_keras._tensorflow import tf


class FusedLSTM(tf.keras.layers.LSTM):
    """A drop-in for `tf.keras.layers.LSTM(units, return_sequences=True, time_major=True)`.

    Weights, hidden states and gradients are the same.
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(units, return_sequences=True, time_major=True, **kwargs)

    def call(self, sequences):
        """Returns the hidden state after each step: float32 [T, B, F] -> [T, B, U]."""
        hidden, _ = self._run(sequences, self.zero_states(tf.shape(sequences)[1]), self.fused_weights())
        return hidden

    def step(self, inputs, states, weights):
        """Runs one step.

        Args:
            inputs: float32 [B, F].
            states: hidden state and cell state, [B, U] each.
            weights: the result of `fused_weights`.

        Returns:
            The new hidden state, [B, U], and the new states.
        """
        hidden, cells = self._run(inputs[None], states, weights)
        return hidden[0], (hidden[0], cells[0])

    def zero_states(self, batch_size):
        """Returns the hidden state and the cell state before the first step, [B, U] each."""
        return (tf.zeros([batch_size, self.units]),) * 2

    def fused_weights(self):
        """Returns the weights in the kernel's order of gates, i, c, f, o; Keras' order is i, f, c, o.

        BlockLSTMV2 takes Keras' order, but the gradient that TensorFlow registers for it assumes the other one.
        """
        both = tf.concat([self.cell.kernel, self.cell.recurrent_kernel], axis=0)  # [F + U, 4 U]
        return tuple(
            tf.concat([i, c, f, o], axis=-1) for i, f, c, o in (tf.split(w, 4, axis=-1) for w in (both, self.cell.bias))
        )

    def _run(self, inputs, states, weights):
        """Runs the kernel: [T, B, F], states, weights -> hidden and cell states after each step, [T, B, U] each."""
        no_peephole = tf.zeros([self.units])
        run = tf.raw_ops.BlockLSTM(
            seq_len_max=tf.shape(inputs, tf.int64)[0],
            x=inputs,
            cs_prev=states[1],
            h_prev=states[0],
            w=weights[0],
            wci=no_peephole,
            wcf=no_peephole,
            wco=no_peephole,
            b=weights[1],
            forget_bias=0.0,  # Keras' bias already includes it
            cell_clip=-1.0,  # no clipping
        )
        return run.h, run.cs
