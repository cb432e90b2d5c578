"""`llamactl bench scale`: how rates follow one size of the load, beside what libllama gives."""
