//! The pages where a person answers for a device or a client that waits elsewhere.

use super::super::elsewhere::{
    AddFactor, Answered, DetailBlock, DeviceCode, DeviceConfirm, Request, Requests,
};
use super::super::login::ScopeLine;
use super::super::{Frame, page};
use super::samples::Pages;

pub(super) fn detail(t: fn(&str) -> String) -> DetailBlock {
    DetailBlock {
        sentence: t("Make a payment"),
        members: vec![
            (t("creditorName"), t("Merchant A")),
            (t("instructedAmount"), t("amount 123.50, currency EUR")),
        ],
    }
}

pub(super) fn pages(t: fn(&str) -> String, frame: &dyn Fn() -> Frame) -> Pages {
    let scopes = || {
        vec![ScopeLine {
            name: t("openid"),
            sentence: t("Know that it is you"),
        }]
    };
    let request = |message: Option<&str>| Request {
        id: t("3f2a"),
        client: t("Northwind Library"),
        message: message.map(t),
        number: t("42"),
        place: t("192.0.2.7"),
        asked: t("just now"),
        remaining: t("90 seconds"),
        scopes: scopes(),
        details: vec![detail(t)],
    };
    let requests = |number_typed, requests| Requests {
        frame: frame(),
        username: t("alice"),
        requests,
        number_typed,
    };
    vec![
        (
            "device_code",
            page(&DeviceCode {
                frame: frame(),
                user_code: t("WDJB-MJHT"),
            }),
        ),
        (
            "device_confirm",
            page(&DeviceConfirm {
                frame: frame(),
                user_code: t("WDJB-MJHT"),
                client: t("Living room"),
                place: t("192.0.2.7"),
                asked: t("a minute ago"),
                scopes: scopes(),
            }),
        ),
        (
            "requests",
            page(&requests(
                false,
                vec![request(Some("W4SCT")), request(None)],
            )),
        ),
        (
            "requests_number",
            page(&requests(true, vec![request(Some("W4SCT"))])),
        ),
        ("requests_none", page(&requests(false, vec![]))),
        (
            "add_factor",
            page(&AddFactor {
                frame: frame(),
                username: t("alice"),
                since: None,
            }),
        ),
        (
            "add_factor_anew",
            page(&AddFactor {
                frame: frame(),
                username: t("alice"),
                since: Some(t("3 November 2026, 14:05 UTC")),
            }),
        ),
        (
            "answered",
            page(&Answered {
                frame: frame(),
                title: t("Approved"),
                text: t("The application goes on. You can close this page."),
            }),
        ),
    ]
}
