"""The system card from a ledger alone, its mappings, the ML-BOM, incidents, disclosure, and a folder for auditors."""
