//! The clients tab: the list and one client.

use wire::{ClientDetail, ClientId, ClientSummary, PageQuery};

use super::{App, Change, Command, Goes, Listing, Overlay, Question};
use crate::keys::Act;

/// The state of the tab.
#[derive(Debug, Default)]
pub struct Clients {
    /// The list.
    pub list: Listing<ClientSummary>,
    /// The client that is open.
    pub open: Option<ClientView>,
}

/// One client.
#[derive(Clone, Debug)]
pub struct ClientView {
    /// Which.
    pub id: ClientId,
    /// What it is called.
    pub name: String,
    /// Everything about it.
    pub detail: Option<ClientDetail>,
    /// Why there is nothing to show.
    pub error: Option<String>,
}

impl Clients {
    /// Loads the list from its start.
    pub fn load(&mut self) -> Vec<Command> {
        let generation = self.list.begin();
        vec![request(generation, Goes::Anew, None)]
    }

    fn load_more(&mut self) -> Vec<Command> {
        match self.list.begin_more() {
            Some((generation, after)) => vec![request(generation, Goes::On, Some(after))],
            None => Vec::new(),
        }
    }

    /// The client that an action is about.
    fn target(&self) -> Option<(ClientId, String)> {
        match &self.open {
            Some(view) => Some((view.id.clone(), view.name.clone())),
            None => self
                .list
                .current()
                .map(|client| (client.id.clone(), client.name.clone())),
        }
    }
}

fn request(generation: u64, goes: Goes, after: Option<String>) -> Command {
    Command::ListClients {
        generation,
        goes,
        query: PageQuery { after, limit: None },
    }
}

impl App {
    pub(super) fn act_on_clients(&mut self, act: Act) -> Vec<Command> {
        match act {
            Act::Move(motion) => {
                self.clients.list.go(motion, self.page_rows());
                return self.clients.load_more();
            }
            Act::Open => {
                if let Some((id, name)) = self.clients.target() {
                    self.clients.open = Some(ClientView {
                        id: id.clone(),
                        name,
                        detail: None,
                        error: None,
                    });
                    return vec![Command::LoadClient(id)];
                }
            }
            Act::Back => self.clients.open = None,
            Act::DeleteClient => {
                if let Some((id, name)) = self.clients.target() {
                    self.overlay = Some(Overlay::Question(
                        Question::new(
                            format!("Remove {name}?"),
                            "Nobody can sign in to it any more, and its refresh tokens end.",
                            Change::DeleteClient(id, name.clone()),
                        )
                        .typed(name),
                    ));
                }
            }
            // The key table does not bind the rest here.
            _ => {}
        }
        Vec::new()
    }
}
