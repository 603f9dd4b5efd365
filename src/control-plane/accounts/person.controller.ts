import { Body, Controller, Get, Ip, Post, Query, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Allowed, CurrentPrincipal, type Principal } from '../../platform/rest/allowed.js';
import { CreateOwnOrganization, OwnOrganizationPage, OwnOrganizationQuery } from './person.dto.js';
import { PersonService } from './person.service.js';
import { SignedInView } from './sign-in.dto.js';
import { SignInService } from './sign-in.service.js';

/** The person who sends the request. */
@ApiTags('accounts')
@Controller('v1/me')
export class PersonController {
  readonly #person: PersonService;
  readonly #signIn: SignInService;

  constructor(person: PersonService, signIn: SignInService) {
    this.#person = person;
    this.#signIn = signIn;
  }

  @Get('organizations')
  @ApiOperation({ summary: 'List the organizations that you are a member of' })
  @Allowed('member')
  @ApiOkResponse({ type: OwnOrganizationPage })
  listOwnOrganizations(
    @CurrentPrincipal() principal: Principal,
    @Query() query: OwnOrganizationQuery,
  ): Promise<OwnOrganizationPage> {
    return this.#person.listOrganizations(principal, query);
  }

  @Post('organizations')
  @ApiOperation({ summary: 'Make one more organization' })
  @Allowed('member')
  @ApiCreatedResponse({ type: SignedInView, description: 'The new organization, with a session of its admin' })
  async createOwnOrganization(
    @CurrentPrincipal() principal: Principal,
    @Body() body: CreateOwnOrganization,
    @Ip() address: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SignedInView> {
    return this.#signIn.setCookie(response, await this.#person.createOrganization(principal, body, address));
  }
}
