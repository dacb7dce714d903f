"""How the tables on PostgreSQL came to be what they are, one step after the other; a step that was shipped stays."""

from __future__ import annotations

POSTGRES: tuple[str, ...] = (
    """
    CREATE TABLE selfproof_program(
        program TEXT PRIMARY KEY, name TEXT NOT NULL, entries BIGINT NOT NULL DEFAULT 0, mark TEXT NOT NULL DEFAULT '',
        start TEXT NOT NULL DEFAULT '',
        kins TEXT NOT NULL DEFAULT '{}', standing TEXT NOT NULL DEFAULT '{}', seen TIMESTAMPTZ);
    CREATE TABLE selfproof_candidate(
        seq BIGINT GENERATED ALWAYS AS IDENTITY,
        program TEXT NOT NULL REFERENCES selfproof_program ON DELETE CASCADE,
        objective TEXT NOT NULL, id TEXT NOT NULL, batch BIGINT NOT NULL, parent TEXT NOT NULL, title TEXT NOT NULL,
        operator TEXT NOT NULL, files TEXT NOT NULL, form TEXT NOT NULL, kin TEXT, version BIGINT NOT NULL,
        proposer TEXT NOT NULL, outcome TEXT, score DOUBLE PRECISION, scores TEXT,
        PRIMARY KEY (program, objective, id));
    CREATE INDEX selfproof_newest ON selfproof_candidate(program, objective, seq);
    CREATE INDEX selfproof_raced ON selfproof_candidate(program, objective, score) WHERE outcome = 'raced';
    CREATE INDEX selfproof_kin ON selfproof_candidate(kin, form) WHERE kin IS NOT NULL;
    CREATE INDEX selfproof_kin_raced ON selfproof_candidate(kin, score) WHERE kin IS NOT NULL AND outcome = 'raced';
    CREATE TABLE selfproof_version(
        program TEXT NOT NULL REFERENCES selfproof_program ON DELETE CASCADE,
        number BIGINT NOT NULL, files TEXT NOT NULL, PRIMARY KEY (program, number));
    CREATE TABLE selfproof_claim(
        kin TEXT NOT NULL, form TEXT NOT NULL,
        program TEXT NOT NULL REFERENCES selfproof_program ON DELETE CASCADE,
        until TIMESTAMPTZ NOT NULL, PRIMARY KEY (kin, form));
    CREATE INDEX selfproof_claimed ON selfproof_claim(program);
    """,
)
