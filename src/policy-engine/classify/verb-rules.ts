import type { Rule } from './rule.js';

/** Words for money that somebody has to pay. */
export const MONEY =
  'payment refund charge payout invoice checkout bill billing escrow funds money withdrawal payroll salary transfer ' +
  'remittance deposit';

/** Rules for actions. Among those for one verb, one whose `objects` are there goes before one without. */
export const VERB_RULES: readonly Rule[] = [
  {
    category: 'Read',
    kind: 'verb',
    words:
      'get list read fetch search find show view describe check look lookup count retrieve inspect analyze analyse ' +
      'explain summarize summarise compare validate verify lint preview estimate simulate calculate compute convert ' +
      'decode encode parse detect extract scrape crawl monitor poll geocode discover browse explore suggest ' +
      'recommend translate ask think reflect diff tail filter sort ping whois identify classify predict forecast ' +
      'score transcribe recognize understand locate traverse print display return provide obtain see access collect ' +
      'scan audit help visualize encrypt decrypt hash echo minify capitalize obfuscate peek examine grep roll cat ls ' +
      'head pull format prettify beautify multiply transpose rephrase rerank diagnose dump capture consult research',
    example: { name: 'list_commits' },
  },
  {
    category: 'Read',
    kind: 'verb',
    words: 'query map match track watch trace rank rate sample status test plan poll screenshot snapshot download view',
    weak: true,
    example: { name: 'trace_route' },
  },
  {
    category: 'Write',
    kind: 'verb',
    words:
      'create add update edit write set modify put patch insert append upsert save store upload import rename ' +
      'duplicate clone push publish send reply notify invite assign label mark archive unarchive restore rollback ' +
      'revert approve unapprove reject merge attach configure enable disable subscribe join accept complete reopen ' +
      'triage submit generate render export apply manage unassign follow star pin adjust toggle annotate categorize ' +
      'prioritize promote sign register replace convey ingest remember memorize draw build compose tidy organize ' +
      'clean protect include define increase decrease lock unlock migrate bind mount trim resize rotate crop blur ' +
      'scale split group ungroup align reorder optimize favourite favorite unfavorite unstar like unlike swipe tap ' +
      'populate award plot transform normalize enrich enhance upscale overlay extend index fix confirm extrude',
    example: { name: 'rename_label' },
  },
  {
    category: 'Write',
    kind: 'verb',
    words:
      'change copy move post comment message email share link request draft tag release commit fork note reply star ' +
      'schedule react review resolve record report close swap checkout',
    weak: true,
    example: { name: 'share_folder' },
  },
  {
    category: 'Read',
    kind: 'verb',
    words: 'resolve',
    objects: 'id name library dns ip host hostname url address domain path reference',
    example: { name: 'resolve_hostname' },
  },
  {
    category: 'Read',
    kind: 'verb',
    words: 'perform conduct do make',
    objects: 'search lookup check analysis recognition ocr calculation validation comparison research',
    example: { name: 'perform_lookup' },
  },
  {
    category: 'Write',
    kind: 'verb',
    words: 'track',
    objects: 'event signup pageview',
    because: 'which records something',
    example: { name: 'track_pageview' },
  },
  {
    category: 'Write',
    kind: 'verb',
    words: 'create add post send update edit',
    objects: 'message note comment tag label attachment reminder',
    last: true,
    example: { name: 'add_order_note' },
  },
  {
    category: 'Write',
    kind: 'verb',
    words: 'convert',
    objects: 'issue draft lead ticket',
    example: { name: 'convert_lead' },
  },
  {
    category: 'Write',
    kind: 'verb',
    words: 'download',
    objects: 'path disk folder directory save',
    context: true,
    because: 'which saves to a place',
    example: { name: 'download_page', description: 'Gets a page and saves it to a path' },
  },
  {
    category: 'Write',
    kind: 'verb',
    words: 'download',
    objects: 'file',
    because: 'which saves to a place',
    example: { name: 'download_export_file' },
  },
  {
    category: 'Write',
    kind: 'verb',
    words: 'open',
    objects: 'issue ticket pr merge',
    example: { name: 'open_ticket' },
  },
  {
    category: 'Execute',
    kind: 'verb',
    words:
      'run execute exec aggregate evaluate eval invoke trigger start stop restart retry rerun rebase deploy launch ' +
      'activate deactivate dispatch install click press drag hover navigate mute unmute scroll fill perform ' +
      'reindex sync synchronize refresh login authenticate cancel abort interrupt reboot boot shutdown suspend spawn ' +
      'connect disconnect compile inject automate orchestrate focus speak wake bootstrap provision upgrade hibernate ' +
      'operate control enqueue initiate reactivate rebuild reload continue step init initialize curl visit skip ' +
      'redeploy requeue reconnect exit quit',
    example: { name: 'restart_container' },
  },
  {
    category: 'Execute',
    kind: 'verb',
    words:
      'call play open type build process switch pause resume sleep wait select key mouse action operation tick handle',
    weak: true,
    example: { name: 'play_scene' },
  },
  {
    category: 'Execute',
    kind: 'verb',
    words: 'drop',
    objects: 'drag element browser',
    because: 'which acts on the screen',
    example: { name: 'drop_element' },
  },
  {
    category: 'Execute',
    kind: 'verb',
    words: 'test',
    objects: 'unit suite case all',
    because: 'which runs something',
    example: { name: 'test_suite' },
  },
  {
    category: 'Execute',
    kind: 'verb',
    words: 'query select',
    objects:
      'sql database db pipeline postgres mysql sqlite mongodb bigquery snowflake clickhouse oracle mssql mariadb ' +
      'duckdb sqlserver redshift cypher',
    context: true,
    because: 'which runs what its arguments say',
    example: { name: 'query_database' },
  },
  {
    category: 'Execute',
    kind: 'verb',
    words: 'set change adjust',
    objects: 'volume brightness focus window',
    because: 'which acts on the desktop',
    example: { name: 'adjust_brightness' },
  },
  {
    category: 'Execute',
    kind: 'verb',
    words: 'generate create',
    objects: 'image speech audio video music',
    because: 'which sets a model to work',
    example: { name: 'generate_video' },
  },
  {
    category: 'Destructive',
    kind: 'verb',
    words:
      'delete remove drop destroy erase purge prune clear reset wipe truncate trash revoke unprotect ban kick kill ' +
      'terminate uninstall unpublish burn flush evict logout delist deregister discard forget expunge nuke shred rm ' +
      'del rmdir unregister unlink deprovision decommission obliterate signout unsubscribe eliminate cleanup',
    example: { name: 'purge_cache' },
  },
  {
    category: 'Destructive',
    kind: 'verb',
    words: 'empty expire block',
    objects: 'trash bin cache folder queue key user member link',
    weak: true,
    example: { name: 'empty_bin' },
  },
  {
    category: 'Destructive',
    kind: 'verb',
    words: 'cancel void abort end',
    objects: 'order subscription invoice payment intent hold booking reservation plan membership contract',
    because: 'which ends an agreement',
    example: { name: 'cancel_booking' },
  },
  {
    category: 'Destructive',
    kind: 'verb',
    words: 'run execute exec query',
    objects: 'dml ddl dcl',
    because: 'which changes or drops tables',
    example: { name: 'execute_ddl' },
  },
  {
    category: 'Financial',
    kind: 'verb',
    words:
      'pay refund withdraw buy sell purchase payout disburse reimburse donate remit invest liquidate borrow lend ' +
      'repay redeem stake unstake book reserve prepay wire',
    example: { name: 'buy_ticket' },
  },
  {
    category: 'Financial',
    kind: 'verb',
    words: 'transfer charge deposit fund trade bid tip swap mint bridge order',
    weak: true,
    example: { name: 'transfer_funds' },
  },
  {
    category: 'Financial',
    kind: 'verb',
    words:
      'create add send make issue capture confirm process submit finalize schedule authorize approve execute update ' +
      'modify initiate request cancel accept place complete release',
    objects: MONEY,
    example: { name: 'send_invoice' },
  },
  {
    category: 'Financial',
    kind: 'verb',
    words: 'create place submit execute modify replace make put',
    objects: 'order trade bid bet booking reservation wager',
    because: 'which binds to pay',
    example: { name: 'place_bid' },
  },
  {
    category: 'Financial',
    kind: 'verb',
    words: 'set change adjust increase reduce update modify close',
    objects: 'leverage stake',
    because: 'which changes what is at stake',
    example: { name: 'adjust_leverage' },
  },
  {
    category: 'Financial',
    kind: 'verb',
    words: 'send call',
    objects: 'crypto token eth btc sol usdc coin sms',
    because: 'which moves money or costs it',
    example: { name: 'send_usdc' },
  },
];
