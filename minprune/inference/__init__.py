"""RUN: pruned networks packed so that they really take less time and memory."""
