"""The controller: the LSTM policy that writes an encoding one decision at a time.

Read `controller.py` first (logits, log-probabilities, samples), then `lstm.py` (a fused LSTM layer) and `graph.py`
(how its methods run as TensorFlow graphs). How the controller learns is left to `strategies`.
"""
