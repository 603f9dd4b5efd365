/**
 * Words of tool names that are no actions, to find the words of a name that is written without separators. Names are
 * read without regard to case, so that capitals can't tell where a word begins.
 */
export const NOUNS =
  'blueprint fingerprint footprint sprint ' +
  'account acquisition active activities activity actor adb added additional addon addons ads advanced agency agent ' +
  'agora airtable allow allowed analysis analytics and ansible api app application area arms article artist asana ' +
  'asset assignees assistant athlete attachment attributes auth authentication auto available background bank base ' +
  'batch best bidder bitbucket board booklet bookmark bookmarks border branch brands brave bridges browser ' +
  'browserbase bucket bugsnag builder bulk buyer buyers callback callee caller calls campaign cap carbide card cart ' +
  'catalog categories category chain champion channel chapter character chart chat checkbox checklist children ' +
  'chroma clearance clearing clickup client clip cloud cluster coda codegen collection combobox company comparison ' +
  'completion component config connection connector contact content conversation cookbook cookie counterparty ' +
  'created createdat credential crossword current custom customer cycle cycloid daily darwin dataset date ddg deep ' +
  'default degrade deleted description device diagram directions directories discord discounts distance district ' +
  'dns docker document domain done dropbox dropdown duck editor element emergency emoji endpoint engagement ' +
  'entities entries entry environment erc error esa event evm exa examples excel exchange execution executive ' +
  'executor exists external facebook favourite feature feed feedback fewsats field figma filename financial finding ' +
  'findings firecrawl firewall fix flag flight flow forbidden form forward forwarding frame framework from full ' +
  'function fundamentals funding fundraiser gamertags gateway gdb genes geo geojson getaway getter getters gist git ' +
  'github gitlab global gmail gnfd goal google gorev graph grok group guardian handler hash historic historical ' +
  'holaspirit holder home homework honeycomb hooks hosting hostname hotel howtocook html http hubspot ida ide inbox ' +
  'index indexes init initialize instances integration inventory invitation invitee item itunes jfk jira json ' +
  'keyword kibela killer kit knowledge kobold kpi kube kubectl language last latest leader leave level library ' +
  'license lidarr light lightning line linear linkedin listener listens listing live llm load loader local ' +
  'localstack location lol mac machine mailbox mailing manager many mapi markdown market marketplace matches matrix ' +
  'mcp media meeting memory merchant mergers meta metadata microsoft mindmap minting mints mixpanel mobile mode ' +
  'module monday movement movie multi multipart multiple name namespace naming nasa netlify network new next ' +
  'nickname nixos node nodit notebook notebooks notification notion npm number object observations octav one ' +
  'ontology openai openapi opensearch openweather options orderbook ordering ordinals organization outbox output ' +
  'overlay package page paper parent passengers password paste pastebin pathname pattern payer payload payments ' +
  'payram pdf pending performance permission perplexity person phone pihole playbook playground playlist playwright ' +
  'plot plugin point policy pool port portal portfolio postal postcode postman posture powerdrill prefix ' +
  'presentation private product program proj proje project prompt properties property provider proxy public pubmed ' +
  'pubnub puppeteer quality radarr random range rating reach reaction reactivate readable readarr reader readme ' +
  'readonly recall recent recommendations recorder referral refunded related relations removed remover reorder ' +
  'replay repo repositories repository rerunning research resize resource response result retell reverse role ' +
  'rollbar root route routine rule runbook runner runtime runway salesforce sandbox sandock savings scb scene ' +
  'screen sdk section security segment selector seller sellers sendgrid sequence server service session setter ' +
  'setting settings setup shape shareable shared sharepoint sheet showcase sim similar simple single site sitemap ' +
  'size sketchfab skill skills slack slide sls smartlead smime snippet solana sonarr source space spanner spec ' +
  'specific ssh stability stagehand stakeholder stakeholders starter startup state statement static station ' +
  'statistics stats statuses steak step stl stock stopwatch storage stories story strapi structure style subreddit ' +
  'subscriber subscripiton subscriptions subtask supercolony svelte svg swagger swaps swift system systemprompt tab ' +
  'table take task tavily team template tenant testing text textbox tft thought thread threatintel tianji ticker ' +
  'tiktok time timeline timesheet timezone tipping todo todoist tool toolbox top torrent tracking trader trades ' +
  'trading tradingview transaction transcript translation traveler tree trending trial txt typed typescript typing ' +
  'ultra updated updates url use username using utils uuid valorant value variable variant vector vehicle vim ' +
  'virtual voice vps wallet waybill web webhook webpage website whitelist wid wiki with word workbook workspace ' +
  'writer xcode ydb youtube zephyr';
