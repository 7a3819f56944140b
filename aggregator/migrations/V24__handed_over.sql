-- Dossiers that an office handed over, to be found among all: whoever took its place may not have opened them yet.
create index dossier_handed_over on dossier (unit, code) where state = 'handed_over';
