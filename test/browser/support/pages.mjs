/** One page of each kind, as the catalog has them that a release ships with. */
export const PAGES = [
  '/',
  '/catalog',
  '/catalog?q=gitlab&risk=high',
  '/catalog/zereight-mcp-gitlab',
  '/catalog/zereight-mcp-gitlab/cancel_pipeline_job',
  '/risks/execute',
  '/attacks',
  '/attacks/runaway-loop',
  '/attacks/destructive-sql',
  '/token-cost',
  '/contact',
  '/catalog/nothing-here',
];
