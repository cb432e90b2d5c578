"""`llamactl bench profile`: where the time of a step goes, from what `--step-trace` writes."""
