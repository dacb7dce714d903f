"""Home of ``adapter``. Protected."""
