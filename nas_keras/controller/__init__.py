"""The controller: the LSTM policy that writes a cell one decision at a time.

Read `controller.py` first (masked logits, log-probabilities, samples). How the controller learns is left to
`strategies`.
"""
