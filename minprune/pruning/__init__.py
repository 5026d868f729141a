"""Prune: four independent questions, a plan that joins their answers, and a pruner that plans while training.

Read `masks` (what a mask is; the exact selection) → `criteria` (which weights?) → `patterns` (in what shape?) →
`units` (what a neuron is worth, and takes along) → `allocation` (how many in each layer?) → `selection` (which units
go) → `plan` → `explanation` → `schedules` (when?) → `pruner`.
"""
