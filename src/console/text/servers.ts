/** The words of the screens about servers. */
export const serverText = {
  title: 'Servers',
  lead: 'The MCP servers that Toolgate stands in front of.',
  add: 'Add server',
  none: 'No servers yet',
  noneDetail: 'Register the first MCP server: paste its URL, and its tools appear with what each of them can do.',
} as const;
