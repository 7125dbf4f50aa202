//! A supporter's receipts and statements: a page to print, and a PDF where this build makes them.

use super::{session::AtHome, store};
use crate::{
    app::App,
    error::Error,
    receipts::{self, document::Document, pdf::Sheet},
    web::{self, Page, Path},
};
use askama::Template;
use axum::{extract::State, response::Response};
use entity::{
    ids::{ReceiptId, StatementId},
    receipt, statement, supporter,
};

#[derive(Template)]
#[template(path = "receipts/print.html")]
struct PrintPage {
    page: Page,
    shown: Document,
}

async fn her_receipt(app: &App, supporter: &supporter::Model, id: ReceiptId) -> Result<receipt::Model, Error> {
    store::receipt_of(app.db.read(), supporter.id, id).await?.ok_or(Error::NotFound)
}

async fn her_statement(app: &App, supporter: &supporter::Model, id: StatementId) -> Result<statement::Model, Error> {
    store::statement_of(app.db.read(), supporter.id, id).await?.ok_or(Error::NotFound)
}

pub(super) async fn show_receipt(
    State(app): State<App>,
    AtHome { supporter, page }: AtHome,
    Path(id): Path<ReceiptId>,
) -> Result<Response, Error> {
    let receipt = her_receipt(&app, &supporter, id).await?;
    web::html(&PrintPage { page: page.titled(receipt.code.clone()), shown: Document::of_receipt(&receipt)? })
}

pub(super) async fn pdf_of_receipt(
    State(app): State<App>,
    AtHome { supporter, page }: AtHome,
    Path(id): Path<ReceiptId>,
) -> Result<Response, Error> {
    let sheet = Sheet::of_receipt(&her_receipt(&app, &supporter, id).await?)?;
    receipts::send_pdf(&app, &page, sheet).await
}

pub(super) async fn show_statement(
    State(app): State<App>,
    AtHome { supporter, page }: AtHome,
    Path(id): Path<StatementId>,
) -> Result<Response, Error> {
    let statement = her_statement(&app, &supporter, id).await?;
    web::html(&PrintPage { page: page.titled(statement.code.clone()), shown: receipts::statement::document(&statement)? })
}

pub(super) async fn pdf_of_statement(
    State(app): State<App>,
    AtHome { supporter, page }: AtHome,
    Path(id): Path<StatementId>,
) -> Result<Response, Error> {
    let sheet = Sheet::of_statement(&her_statement(&app, &supporter, id).await?)?;
    receipts::send_pdf(&app, &page, sheet).await
}
