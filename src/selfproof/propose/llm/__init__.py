"""Language models as proposers: any OpenAI-compatible endpoint, within a budget, the keys in a process of their own."""

from selfproof.propose.llm.proposer import LLMProposer, Progress, proposers

__all__ = ["LLMProposer", "Progress", "proposers"]
