import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { goneSignal } from '../../platform/rest/client-gone.js';
import { pathId } from '../../platform/rest/path-id.js';
import { EventsQuery, ExportQuery } from './audit.dto.js';
import { AuditService } from './audit.service.js';
import { CSV_COLUMNS } from './csv.js';
import { fileName, mediaType } from './export.js';
import { NDJSON, sendPage } from './send-page.js';
import { TailsService } from './tails.service.js';
import { sendStream } from './send-stream.js';

const EVENT_ID = pathId('evt', 'event');
const STREAM = 'text/event-stream';

const TEXT = { schema: { type: 'string' } };

const EVENTS = {
  type: 'object',
  required: ['items', 'nextCursor', 'hasMore'],
  properties: {
    items: {
      type: 'array',
      items: {
        type: 'object',
        required: ['seq', 'recordedAt', 'id', 'type', 'time', 'organizationId'],
        properties: { seq: { type: 'integer' }, recordedAt: { type: 'string', format: 'date-time' } },
        additionalProperties: true,
      },
    },
    nextCursor: { type: 'string', nullable: true },
    hasMore: { type: 'boolean' },
  },
};

@ApiTags('audit')
@Controller('v1/audit')
export class AuditController {
  readonly #audit: AuditService;

  readonly #tails: TailsService;

  constructor(audit: AuditService, tails: TailsService) {
    this.#audit = audit;
    this.#tails = tails;
  }

  @Get('events')
  @Allowed('auditor', 'policy_manager', 'viewer')
  @ApiOperation({
    summary: 'Search the audit log',
    description:
      'Items are events with their seq (dense per organization from 1) and recordedAt, in order of seq; newest first ' +
      'with order=desc. Keep the nextCursor of the last page, also of an empty one, to go on from there: nothing is ' +
      'missed. A filter may be given several times: any of its values is meant. Reading is itself recorded as ' +
      'audit.read, at most once an hour per reader. The header Link names the next page while more records follow; ' +
      'Retry-After says when to ask again when none do. With Accept: application/x-ndjson the answer has one item a ' +
      'line, and Toolgate-Next-Cursor and Toolgate-Has-More in its headers. With Accept: text/event-stream the ' +
      'answer is a stream: each record from now on (or from `from`, `after` or Last-Event-ID on) as an event whose ' +
      'id is its seq. An event `gap` names records that were passed over because the reader was too slow or ' +
      'retention has taken them.',
  })
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'Of a stream: the last seq that you have' })
  @ApiOkResponse({ content: { 'application/json': { schema: EVENTS }, [STREAM]: TEXT, [NDJSON]: TEXT } })
  async listEvents(
    @CurrentPrincipal() principal: Principal,
    @Query() query: EventsQuery,
    @Res() response: Response,
  ): Promise<void> {
    const type = response.req.accepts(['application/json', STREAM, NDJSON]);
    if (type !== STREAM) {
      sendPage(response, await this.#audit.list(principal, query, goneSignal(response)), type);
      return;
    }
    response.setHeader('Content-Type', STREAM);
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('X-Accel-Buffering', 'no');
    await this.#tails.send(principal, query, response);
  }

  @Get('events/:id')
  @Allowed('auditor', 'policy_manager', 'viewer')
  @ApiOperation({
    summary: 'Get one event, whole',
    description:
      'Items of the audit log have at most 60,000 bytes: documents and what is long are replaced by ' +
      '{sha256, bytes, url}. This answers the event as it was made.',
  })
  @ApiOkResponse({ content: { 'application/json': { schema: EVENTS.properties.items.items } } })
  async getEvent(
    @CurrentPrincipal() principal: Principal,
    @Param('id', EVENT_ID) id: string,
    @Res() response: Response,
  ): Promise<void> {
    response.json(await this.#audit.get(principal, id, goneSignal(response)));
  }

  @Get('export')
  @Allowed('auditor', 'policy_manager')
  @ApiOperation({
    summary: 'Export the audit log',
    description:
      'Streams every record of the time range up to the start of the export, in order of seq, and ' +
      'records audit.exported. An answer that breaks off is incomplete. CSV columns: ' +
      `${CSV_COLUMNS.join(', ')}; texts that a spreadsheet would take for a formula begin with an ` +
      'apostrophe. The formats ocsf, ecs and cef are those of log streams.',
  })
  @ApiOkResponse({
    description: 'The records, as an attachment',
    content: {
      'application/x-ndjson': { schema: { type: 'string' } },
      'text/csv': { schema: { type: 'string' } },
      'text/plain': { schema: { type: 'string' } },
    },
  })
  async exportEvents(
    @CurrentPrincipal() principal: Principal,
    @Query() query: ExportQuery,
    @Res() response: Response,
  ): Promise<void> {
    const { format, text } = await this.#audit.export(principal, query, goneSignal(response));
    response.status(200).setHeader('Content-Type', mediaType(format));
    response.setHeader('Content-Disposition', `attachment; filename="${fileName(format)}"`);
    response.setHeader('Cache-Control', 'no-store');
    await sendStream(response, text);
  }
}
