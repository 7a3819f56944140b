-- The question that the stream's newest bundle asked; receipts carried back by hand answer it.
alter table stream add column bundle_nonce blob;
