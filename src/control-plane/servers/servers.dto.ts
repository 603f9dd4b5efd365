import { ApiProperty, ApiPropertyOptional, type ApiPropertyOptions } from '@nestjs/swagger';
import { IsObject, ValidateIf } from 'class-validator';
import { Flag, IdOf, Instant, OneOf, Text } from '../../platform/rest/fields.js';
import { listQueryOf } from '../../platform/rest/list-query.js';
import { CLIENT_AUTH, type ClientAuth } from './servers.js';
import { PageView } from '../../platform/rest/page.dto.js';

const transportSchema = {
  type: 'object',
  description:
    'How the server is reached: by a URL, or by running a command that ALLOW_STDIO lists, never ' +
    "through a shell. Values of `env` and of the URL's query are kept encrypted and never shown " +
    'again; so are segments of the path and arguments that look like secrets, or follow a name that ' +
    'announces one, but an admin sees them. What is sent back as it was shown stays.',
  properties: {
    type: { type: 'string', enum: ['streamable-http', 'sse', 'stdio'] },
    url: { type: 'string', format: 'uri', maxLength: 2048 },
    command: { type: 'string' },
    args: { type: 'array', items: { type: 'string' }, maxItems: 100 },
    env: { type: 'object', additionalProperties: { type: 'string' }, maxProperties: 50 },
  },
  additionalProperties: false,
  example: { type: 'streamable-http', url: 'https://mcp.example.com/mcp' },
} satisfies ApiPropertyOptions;

const authSchema = {
  type: 'object',
  description:
    'How Toolgate signs in to the server; `none` unless given. Header values are kept encrypted and ' +
    'never shown again. With `oauth` an admin signs in by `POST /v1/servers/{id}/connect`; a client is registered ' +
    'by itself where its authorization server takes that, else give `clientId` and `clientSecret`.',
  properties: {
    type: { type: 'string', enum: ['none', 'headers', 'oauth'] },
    headers: { type: 'object', additionalProperties: { type: 'string' }, maxProperties: 20 },
    per: { type: 'string', enum: ['server'] },
    clientId: { type: 'string', maxLength: 1000 },
    clientSecret: { type: 'string', maxLength: 1000 },
    scopes: { type: 'array', items: { type: 'string' }, maxItems: 100 },
    issuer: { type: 'string', format: 'uri' },
  },
  additionalProperties: false,
  example: { type: 'headers', headers: { Authorization: 'Bearer …' } },
} satisfies ApiPropertyOptions;

const whenSent = ValidateIf((_object, value) => value !== undefined);
const RESTART_SESSIONS =
  'Whether a session whose process or SSE connection is gone is started again by its next ' +
  'request; true unless given. ' +
  'Without it such a session answers 404';
const DEFAULT_POLICY =
  'The policy of a sign-in whose identity has no other active grant for this server; null: its calls are refused';

export class CreateServer {
  @Text(1, 200) name!: string;
  @ApiProperty(transportSchema) @IsObject() transport!: object;
  @ApiPropertyOptional(authSchema) @whenSent @IsObject() auth?: object;
  @OneOf(CLIENT_AUTH, { optional: true, description: 'How clients sign in to this server; token unless given' })
  clientAuth?: ClientAuth;
  @Flag({ optional: true, description: RESTART_SESSIONS }) restartSessions?: boolean;
}

export class UpdateServer {
  @Text(1, 200, { optional: true }) name?: string;
  @ApiPropertyOptional(transportSchema) @whenSent @IsObject() transport?: object;
  @ApiPropertyOptional(authSchema) @whenSent @IsObject() auth?: object;
  @OneOf(CLIENT_AUTH, { optional: true }) clientAuth?: ClientAuth;
  @IdOf('pol', { optional: true, nullable: true, description: DEFAULT_POLICY }) defaultPolicyId?: string | null;
  @Flag({ optional: true, description: 'A disabled server answers no call' }) disabled?: boolean;
  @Flag({ optional: true, description: RESTART_SESSIONS }) restartSessions?: boolean;
}

export class TransportView {
  @OneOf(['streamable-http', 'sse', 'stdio']) readonly type!: string;
  @ApiPropertyOptional({
    type: String,
    format: 'uri',
    description:
      'Values of its query are shown as ***; to others than admins, segments of its path too that look like secrets',
  })
  readonly url?: string;
  @ApiPropertyOptional({ type: String }) readonly command?: string;
  @ApiPropertyOptional({ type: [String], description: 'To others than admins, secrets in them are shown as ***' })
  readonly args?: readonly string[];
  @ApiPropertyOptional({
    type: [String],
    description: 'Names of the environment variables; their values are never shown',
  })
  readonly envNames?: readonly string[];
}

export class AuthView {
  @OneOf(['none', 'headers', 'oauth']) readonly type!: string;
  @ApiPropertyOptional({ type: [String], description: 'Names of the headers; their values are never shown' })
  readonly names?: readonly string[];
  @ApiPropertyOptional({ type: String }) readonly clientId?: string;
  @ApiPropertyOptional({ type: [String] }) readonly scopes?: readonly string[];
  @ApiPropertyOptional({ type: String, format: 'uri' }) readonly issuer?: string;
  @OneOf(['connected', 'needs_sign_in'], { optional: true }) readonly status?: string;
}

export class ServerView {
  @IdOf('srv') readonly id!: string;
  @ApiProperty({
    type: 'integer',
    minimum: 1,
    description: 'Counts the changes, those of a discovery included; also the ETag',
  })
  readonly version!: number;
  @Text(1, 200) readonly name!: string;
  @ApiProperty({ type: TransportView }) readonly transport!: TransportView;
  @ApiProperty({ type: AuthView }) readonly auth!: AuthView;
  @OneOf(CLIENT_AUTH) readonly clientAuth!: string;
  @IdOf('pol', { nullable: true, description: DEFAULT_POLICY }) readonly defaultPolicyId!: string | null;
  @OneOf(['ready', 'unreachable', 'needs_sign_in', 'disabled']) readonly status!: string;
  @ApiProperty({ type: String, nullable: true, description: 'Why it is not ready, or what was left out' })
  readonly statusDetail!: string | null;
  @Flag() readonly disabled!: boolean;
  @Flag({ description: RESTART_SESSIONS }) readonly restartSessions!: boolean;
  @ApiProperty({ type: 'integer' }) readonly toolCount!: number;
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true }) readonly serverInfo!: object | null;
  @ApiProperty({ type: String, nullable: true, description: 'The MCP revision that the server agreed to' })
  readonly protocolVersion!: string | null;
  @ApiProperty({
    type: [String],
    enum: ['legacy', 'modern'],
    description:
      'The eras of MCP that it speaks, the preferred one first: modern is 2026-07-28 and later. Clients ' +
      'of either era are served',
  })
  readonly eras!: readonly string[];
  @ApiProperty({ type: String, format: 'uri', description: 'What clients connect to' }) readonly mcpUrl!: string;
  @Instant() readonly createdAt!: string;
  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'When its tools were last discovered',
  })
  readonly discoveredAt!: string | null;
}

export class ServerQuery extends listQueryOf(['name', 'status', 'createdAt', 'discoveredAt']) {}

export class ServerPage extends PageView {
  @ApiProperty({ type: [ServerView] }) readonly items!: readonly ServerView[];
}
