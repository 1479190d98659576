"""Keras' LSTM, computed by TensorFlow's fused kernel: one operation for a whole sequence instead of a dozen a step.

A controller is so small that what its operations compute takes less time than their start does: PPO's ask and tell of
eight cells take 12.2 ms with this layer and 14.8 ms with `tf.keras.layers.LSTM` (medians of six runs in turns on 2
cores). The kernel and its gradient exist for CPUs and GPUs.

Legend: `B` batch, `T` steps.
"""

from nas_keras._tensorflow import tf


class FusedLSTM(tf.keras.layers.LSTM):
    """`tf.keras.layers.LSTM(units, return_sequences=True, time_major=True)`: its weights, hidden states, gradients."""

    def __init__(self, units: int, **kwargs):
        super().__init__(units, return_sequences=True, time_major=True, **kwargs)

    def call(self, sequences):
        """Float32 [T, B, features] -> the hidden state after each step, [T, B, units]."""
        hidden, _ = self._run(sequences, self.zero_states(tf.shape(sequences)[1]), self.fused_weights())
        return hidden

    def step(self, inputs, states, weights):
        """One step: [B, features], states, `fused_weights` -> the hidden state [B, units], and the states after it."""
        hidden, cells = self._run(inputs[None], states, weights)
        return hidden[0], (hidden[0], cells[0])

    def zero_states(self, batch_size):
        """The hidden and the cell state before the first step, [B, units] each."""
        return (tf.zeros([batch_size, self.units]),) * 2

    def fused_weights(self):
        """The weights as the kernel takes them, with the gates i, c, f, o; Keras has them as i, f, c, o.

        BlockLSTMV2 would take Keras' order, but the gradient that TensorFlow has for it is that of the other order.
        """
        both = tf.concat([self.cell.kernel, self.cell.recurrent_kernel], axis=0)  # [features + units, 4 units]
        return tuple(
            tf.concat([i, c, f, o], axis=-1) for i, f, c, o in (tf.split(w, 4, axis=-1) for w in (both, self.cell.bias))
        )

    def _run(self, inputs, states, weights):
        """[T, B, features], states, weights -> hidden and cell states after each step, [T, B, units] each."""
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
            forget_bias=0.0,  # to be added: Keras' bias has its own
            cell_clip=-1.0,  # none
        )
        return run.h, run.cs
