"""The real gate in worlds whose truth is known, at no cost: what it adopts, what it misses, what others would do.

``worlds`` says what is true, ``noise`` what is measured, ``gates`` who decides (with the code of ``certify``, never a
copy of it), ``players`` who proposes, ``runner`` counts.
"""
