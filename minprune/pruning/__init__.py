"""Prune: four independent questions, a plan that joins their answers, and a pruner that plans while training.

Read `masks` (what a mask is; the exact selection) → `criteria` (which weights?) → `patterns` (in what shape?) →
`units` (what a unit is worth, and takes along) → `allocation` (how many in each layer?) → `selection` (which units go)
→ `plan` → `answer` (what it says) → `explanation` → `sensitivity` (what each layer bears) → `schedules` (when?) →
`recipe` → `regrowth` (what comes back?) → `pruner` → `iterations` → `tickets`.
"""
