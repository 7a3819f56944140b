-- What the agent said of itself in the stream's newest bundle (CBOR, as in wire::AgentReport): receipts that are carried
-- back answer it.
alter table stream add column bundle_report blob;
