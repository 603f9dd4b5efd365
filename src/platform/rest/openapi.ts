import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, getSchemaPath, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import type { NextFunction, Request, Response } from 'express';
import { DOCS_CSP, docsPage } from './docs-page.js';
import { addDetails } from './openapi-details.js';
import { ProblemView } from './problem.dto.js';

/** The OpenAPI document of all `/v1` routes, from their decorators; operation ids are the methods' names. */
export const openApiDocument = (app: INestApplication): OpenAPIObject =>
  addDetails(
    SwaggerModule.createDocument(
      app,
      new DocumentBuilder()
        .setTitle('Toolgate')
        .setDescription(
          'The policy gateway for MCP. Errors are RFC 9457 problems with a stable `code`; lists page by ' +
            '`limit` and `after`; creating POSTs take `Idempotency-Key`.',
        )
        .setVersion('1')
        .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
        .addBearerAuth()
        .addGlobalResponse({
          status: 'default',
          description: 'Refused',
          content: { 'application/problem+json': { schema: { $ref: getSchemaPath(ProblemView) } } },
        })
        .build(),
      { operationIdFactory: (_controller, method) => method, extraModels: [ProblemView] },
    ),
  );

/**
 * Anybody may ask for the document, and writing it as YAML takes forty times the CPU of sending it: each of its two
 * texts is made once.
 */
const keepTexts = (paths: readonly string[]): ((request: Request, response: Response, next: NextFunction) => void) => {
  const kept = new Map<string, Readonly<{ type: string; text: string }>>();
  return (request, response, next) => {
    const { path } = request;
    if (request.method !== 'GET' || !paths.includes(path)) return next();
    const known = kept.get(path);
    if (known) return void response.type(known.type).send(known.text);
    const send = response.send.bind(response);
    response.send = (text: string) => {
      kept.set(path, { type: String(response.getHeader('content-type')), text });
      return send(text);
    };
    next();
  };
};

/** Serves the document at `/openapi.json` and `/openapi.yaml`, and a page to read it at `/docs`. */
export const serveDocs = (app: INestApplication): void => {
  let document: OpenAPIObject | undefined;
  let page: string | undefined;
  const documentOnce = (): OpenAPIObject => (document ??= openApiDocument(app));
  app.use(keepTexts(['/openapi.json', '/openapi.yaml']));
  SwaggerModule.setup('docs', app, documentOnce, {
    ui: false,
    jsonDocumentUrl: 'openapi.json',
    yamlDocumentUrl: 'openapi.yaml',
  });
  app.getHttpAdapter().get('/docs', (_request: unknown, response: Response) => {
    page ??= docsPage(documentOnce());
    response.setHeader('content-security-policy', DOCS_CSP);
    response.type('text/html').send(page);
  });
};
