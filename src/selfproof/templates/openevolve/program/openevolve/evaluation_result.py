"""A result with metrics and artifacts, of the same shape as OpenEvolve's. Protected."""

from dataclasses import dataclass, field


@dataclass
class EvaluationResult:
    """Numbers by name, and texts or bytes for whoever writes the next program."""

    metrics: dict
    artifacts: dict = field(default_factory=dict)

    @classmethod
    def from_dict(cls, metrics):
        """A result without artifacts."""
        return cls(metrics=metrics)

    def to_dict(self):
        """The metrics alone."""
        return self.metrics

    def has_artifacts(self):
        """Whether there are any."""
        return bool(self.artifacts)

    def get_artifact_keys(self):
        """Their names."""
        return list(self.artifacts)

    def get_artifact_size(self, key):
        """Bytes of one artifact, 0 if there is none of that name."""
        value = self.artifacts.get(key, b"")
        return len(value if isinstance(value, bytes) else str(value).encode("utf-8"))

    def get_total_artifact_size(self):
        """Bytes of all."""
        return sum(self.get_artifact_size(key) for key in self.artifacts)
