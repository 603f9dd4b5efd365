-- The catalog with tens of thousands of servers (docs/catalog.md): lists begin with servers whose tools are known, the
-- site map needs how many those are, and totals are read every ten seconds without the rows themselves.
create index catalog_servers_with_tools on catalog_servers (slug) where tool_count > 0;
create index catalog_servers_sizes on catalog_servers (slug) include (tool_count);
create index catalog_servers_totals on catalog_servers (updated_at)
  include (tool_count, read_count, write_count, execute_count, destructive_count, financial_count);
