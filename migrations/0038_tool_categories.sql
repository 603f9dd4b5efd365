-- What members say that tools of their server can do, by name, against what the classifier finds: {category, reason}.
alter table servers add column tool_categories jsonb not null default '{}';
